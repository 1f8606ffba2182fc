package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.netback.xen.ground.Domids;

/// One client of the store: its watches, its transactions, and what it may do. Requests are
/// answered at once; nothing that a client sends makes this throw.
final class Session {
  /// XENSTORE_SERVER_FEATURE_ERROR, _WATCHDEPTH and _DOMID_ANY.
  private static final int FEATURES = 2 | 4 | 8;

  private final Store store;
  private final Account account;
  private final Consumer<String> events;
  private final Runnable disconnect;
  private final List<Watch> watches = new ArrayList<>();
  private final Map<Integer, Transaction> transactions = new HashMap<>();
  private int nextTransaction = 1;
  private boolean open;

  /// @param events takes the payload of a watch event
  /// @param disconnect ends the connection, after what is queued, or without
  Session(Store store, Account account, Consumer<String> events, Runnable disconnect) {
    this.store = store;
    this.account = account;
    this.events = events;
    this.disconnect = disconnect;
  }

  void open() {
    open = true;
    store.open(this);
  }

  /// The client is gone: its watches and transactions go too. Idempotent.
  void close() {
    if (open) {
      open = false;
      reset();
      store.close(this);
    }
  }

  void hangUp() {
    close();
    disconnect.run();
  }

  Account account() {
    return account;
  }

  void deliver(String event) {
    events.accept(event);
  }

  /// Answers one request.
  ///
  /// @param transactionId 0 for none
  Answer handle(Operation operation, int transactionId, byte[] payload) {
    if (operation.privileged() && !account.privileged()) {
      return StoreError.EACCES;
    }
    if (!operation.transactional() || transactionId == 0) {
      return handle(operation, payload);
    }
    Transaction transaction = transactions.get(transactionId);
    if (transaction == null) {
      return StoreError.ENOENT;
    }
    return switch (operation) {
      case TRANSACTION_START -> StoreError.EBUSY;
      case TRANSACTION_END -> end(transactionId, transaction, payload);
      case DIRECTORY, READ, GET_PERMS, WRITE, MKDIR, RM, SET_PERMS, DIRECTORY_PART ->
          inTree(transaction, operation, payload);
      default -> handle(operation, payload);
    };
  }

  private Answer handle(Operation operation, byte[] payload) {
    return switch (operation) {
      case DIRECTORY, READ, GET_PERMS, DIRECTORY_PART ->
          inTree(new Transaction(store, account, false), operation, payload);
      case WRITE, MKDIR, RM, SET_PERMS -> {
        Transaction alone = new Transaction(store, account, false);
        Answer answer = inTree(alone, operation, payload);
        if (answer instanceof Reply && store.commit(alone, account) instanceof StoreError error) {
          yield error;
        }
        yield answer;
      }
      case WATCH -> watch(payload);
      case UNWATCH -> unwatch(payload);
      case RESET_WATCHES -> {
        reset();
        yield Reply.OK;
      }
      case TRANSACTION_START -> start();
      case TRANSACTION_END -> StoreError.ENOENT;
      case INTRODUCE -> introduce(payload);
      case RELEASE -> release(payload);
      case RESUME -> resume(payload);
      case SET_TARGET -> setTarget(payload);
      case GET_DOMAIN_PATH -> {
        int domid = oneDomid(payload);
        yield domid < 0 ? StoreError.EINVAL : Reply.ofString(StorePath.ofDomain(domid));
      }
      case IS_DOMAIN_INTRODUCED -> {
        int domid = oneDomid(payload);
        boolean introduced =
            domid == Domids.FIRST_RESERVED
                || store.account(domid).filter(Account::introduced).isPresent();
        yield domid < 0 ? StoreError.EINVAL : Reply.ofString(introduced ? "T" : "F");
      }
      case CONTROL -> control(payload);
      case GET_FEATURE -> feature(payload);
      case SET_FEATURE -> setFeature(payload);
      case GET_QUOTA -> quota(payload);
      case SET_QUOTA -> setQuota(payload);
    };
  }

  private Answer inTree(Transaction in, Operation operation, byte[] payload) {
    int end = firstNul(payload);
    if (end < 0) {
      return StoreError.EINVAL;
    }
    boolean specials = operation == Operation.GET_PERMS || operation == Operation.SET_PERMS;
    Optional<StorePath> parsed =
        StorePath.parse(new String(payload, 0, end, ISO_8859_1), account, specials);
    if (parsed.isEmpty()) {
      return StoreError.EINVAL;
    }
    StorePath path = parsed.get();
    if (operation == Operation.WRITE) {
      return in.write(path, NodeValue.copyOf(payload, end + 1));
    }
    if (operation == Operation.DIRECTORY_PART) {
      List<String> arguments = strings(payload);
      int offset = arguments.size() == 2 ? number(arguments.get(1)) : -1;
      return offset < 0 ? StoreError.EINVAL : in.directoryPart(path, offset);
    }
    if (operation == Operation.SET_PERMS) {
      return setPermissions(in, path, strings(payload));
    }
    if (end + 1 != payload.length) {
      return StoreError.EINVAL;
    }
    return switch (operation) {
      case DIRECTORY -> in.directory(path);
      case READ -> in.read(path);
      case GET_PERMS -> in.permissions(path);
      case MKDIR -> in.mkdir(path);
      case RM -> in.remove(path);
      default -> throw new IllegalStateException("not an operation on the tree: " + operation);
    };
  }

  private Answer setPermissions(Transaction in, StorePath path, List<String> arguments) {
    List<Permission> entries = new ArrayList<>();
    for (String text : arguments.subList(1, arguments.size())) {
      Optional<Permission> entry = Permission.parse(text);
      if (entry.isEmpty()) {
        return StoreError.EINVAL;
      }
      entries.add(entry.get());
    }
    return entries.isEmpty()
        ? StoreError.EINVAL
        : in.setPermissions(path, store.judged(entries, account));
  }

  private Answer start() {
    if (account.exceeds(Quota.TRANSACTIONS, account.transactions() + 1)) {
      return StoreError.ENOSPC;
    }
    while (nextTransaction == 0 || transactions.containsKey(nextTransaction)) {
      nextTransaction++;
    }
    transactions.put(nextTransaction, store.begin(account));
    return Reply.ofString(Integer.toUnsignedString(nextTransaction++));
  }

  private Answer end(int id, Transaction transaction, byte[] payload) {
    boolean commit = isString(payload, 'T');
    if (!commit && !isString(payload, 'F')) {
      return StoreError.EINVAL;
    }
    transactions.remove(id);
    store.end(transaction, account);
    return commit ? store.commit(transaction, account) : Reply.OK;
  }

  private static boolean isString(byte[] payload, char only) {
    return payload.length == 2 && payload[0] == only && payload[1] == 0;
  }

  private Answer watch(byte[] payload) {
    List<String> arguments = strings(payload);
    if (arguments.size() < 2 || arguments.size() > 3) {
      return StoreError.EINVAL;
    }
    int depth = Watch.ANY_DEPTH;
    if (arguments.size() == 3) {
      depth = number(arguments.get(2));
      if (depth < 0) {
        return StoreError.EINVAL;
      }
    }
    String name = arguments.get(0);
    Optional<StorePath> path = StorePath.parse(name, account, true);
    if (path.isEmpty()) {
      return StoreError.EINVAL;
    }
    int skipped = path.get().toString().length() - name.length();
    Watch watch = new Watch(this, path.get(), arguments.get(1), skipped, depth);
    Answer answer = store.add(watch);
    if (answer instanceof Reply) {
      watches.add(watch);
    }
    return answer;
  }

  /// What follows a reply: a new watch is told of its path once.
  void after(Operation operation, Answer answer) {
    if (operation == Operation.WATCH && answer instanceof Reply && !watches.isEmpty()) {
      Watch watch = watches.getLast();
      watch.fire(watch.path());
    }
  }

  private Answer unwatch(byte[] payload) {
    List<String> arguments = strings(payload);
    if (arguments.size() != 2) {
      return StoreError.EINVAL;
    }
    Optional<StorePath> path = StorePath.parse(arguments.get(0), account, true);
    if (path.isEmpty()) {
      return StoreError.EINVAL;
    }
    for (Watch watch : watches) {
      if (watch.path().equals(path.get()) && watch.token().equals(arguments.get(1))) {
        watches.remove(watch);
        store.remove(List.of(watch));
        return Reply.OK;
      }
    }
    return StoreError.ENOENT;
  }

  /// Drops all watches and transactions.
  private void reset() {
    store.remove(watches);
    watches.clear();
    transactions.values().forEach(transaction -> store.end(transaction, account));
    transactions.clear();
  }

  private Answer introduce(byte[] payload) {
    List<String> arguments = strings(payload);
    int domid = arguments.size() < 3 ? -1 : Account.parseDomid(arguments.get(0));
    if (domid == 0 || !Domids.isDomain(domid) || number(arguments.get(2)) <= 0) {
      return StoreError.EINVAL;
    }
    if (!store.introduce(domid)) {
      // Introduced again, as after a kexec: its clients start afresh.
      store.sessions(store.getToKnow(domid)).forEach(Session::reset);
    }
    return Reply.OK;
  }

  private Answer release(byte[] payload) {
    int domid = oneDomid(payload);
    if (domid <= 0) {
      return StoreError.EINVAL;
    }
    if (introduced(domid).isEmpty()) {
      return StoreError.ENOENT;
    }
    store.release(domid);
    return Reply.OK;
  }

  private Answer resume(byte[] payload) {
    int domid = oneDomid(payload);
    if (domid <= 0) {
      return StoreError.EINVAL;
    }
    Optional<Account> resumed = introduced(domid);
    resumed.ifPresent(Account::resume);
    return resumed.isPresent() ? Reply.OK : StoreError.ENOENT;
  }

  private Answer setTarget(byte[] payload) {
    List<String> arguments = strings(payload);
    int domid = arguments.size() < 2 ? -1 : Account.parseDomid(arguments.get(0));
    int target = arguments.size() < 2 ? -1 : Account.parseDomid(arguments.get(1));
    if (domid < 0 || target < 0) {
      return StoreError.EINVAL;
    }
    Optional<Account> aiming = introduced(domid);
    Optional<Account> aimedAt = introduced(target);
    if (aiming.isEmpty() || aimedAt.isEmpty()) {
      return StoreError.ENOENT;
    }
    aiming.get().aim(aimedAt);
    return Reply.OK;
  }

  private Optional<Account> introduced(int domid) {
    return store.account(domid).filter(Account::introduced);
  }

  private Answer control(byte[] payload) {
    List<String> arguments = strings(payload);
    return switch (arguments.isEmpty() ? "" : arguments.getFirst()) {
      case "help" ->
          arguments.size() == 1 ? Reply.ofString("check\nhelp\nprint\nquota\n") : StoreError.EINVAL;
      case "check" -> arguments.size() == 1 ? Reply.OK : StoreError.EINVAL;
      // Nobody reads a console here; accepted, as scripts send it.
      case "print" -> arguments.size() == 2 ? Reply.OK : StoreError.EINVAL;
      case "quota" -> arguments.size() == 1 ? Reply.ofString(quotas()) : StoreError.EINVAL;
      default -> StoreError.EINVAL;
    };
  }

  private String quotas() {
    StringBuilder text = new StringBuilder("Quota settings:\n");
    for (Quota quota : Quota.values()) {
      text.append("%-17s: %8d%n".formatted(quota.wireName(), store.limit(quota)));
    }
    return text.toString();
  }

  private Answer feature(byte[] payload) {
    if (payload.length > 0) {
      if (!account.privileged()) {
        return StoreError.EACCES;
      }
      int domid = oneDomid(payload);
      if (domid < 0) {
        return StoreError.EINVAL;
      }
      if (store.account(domid).isEmpty()) {
        return StoreError.ENOENT;
      }
    }
    return Reply.ofString(Integer.toString(FEATURES));
  }

  /// Features cannot be taken from a domain; asking for those it has changes nothing.
  private Answer setFeature(byte[] payload) {
    List<String> arguments = strings(payload);
    int domid = arguments.size() == 2 ? Account.parseDomid(arguments.get(0)) : -1;
    if (domid < 0 || number(arguments.get(1)) != FEATURES) {
      return StoreError.EINVAL;
    }
    return introduced(domid).isPresent() ? StoreError.EBUSY : Reply.OK;
  }

  private Answer quota(byte[] payload) {
    List<String> arguments = strings(payload);
    if (arguments.isEmpty()) {
      List<String> names = new ArrayList<>();
      for (Quota quota : Quota.values()) {
        names.add(quota.wireName());
      }
      return Reply.ofString(String.join(" ", names));
    }
    Optional<Quota> quota = Quota.named(arguments.getLast());
    if (quota.isEmpty() || arguments.size() > 2) {
      return StoreError.EINVAL;
    }
    if (arguments.size() == 1) {
      return Reply.ofString(Integer.toString(store.limit(quota.get())));
    }
    int domid = Account.parseDomid(arguments.getFirst());
    if (domid < 0) {
      return StoreError.EINVAL;
    }
    Optional<Account> of = store.account(domid);
    return of.isEmpty()
        ? StoreError.ENOENT
        : Reply.ofString(Integer.toString(of.get().limit(quota.get())));
  }

  private Answer setQuota(byte[] payload) {
    List<String> arguments = strings(payload);
    if (arguments.size() < 2 || arguments.size() > 3) {
      return StoreError.EINVAL;
    }
    Optional<Quota> quota = Quota.named(arguments.get(arguments.size() - 2));
    int value = number(arguments.getLast());
    int domid = arguments.size() == 2 ? Account.CONTROL : Account.parseDomid(arguments.getFirst());
    if (quota.isEmpty() || value < 0 || domid < 0) {
      return StoreError.EINVAL;
    }
    if (arguments.size() == 2) {
      store.limit(quota.get(), value);
      return Reply.OK;
    }
    Optional<Account> of = store.account(domid);
    of.ifPresent(d -> d.limit(quota.get(), value));
    return of.isPresent() ? Reply.OK : StoreError.ENOENT;
  }

  private static int oneDomid(byte[] payload) {
    return payload.length > 1 && firstNul(payload) == payload.length - 1
        ? Account.parseDomid(new String(payload, 0, payload.length - 1, ISO_8859_1))
        : -1;
  }

  /// A decimal number that fits an int, or -1.
  private static int number(String text) {
    if (text.isEmpty() || text.length() > 10 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return -1;
    }
    long value = Long.parseLong(text);
    return value > Integer.MAX_VALUE ? -1 : (int) value;
  }

  private static int firstNul(byte[] payload) {
    for (int i = 0; i < payload.length; i++) {
      if (payload[i] == 0) {
        return i;
      }
    }
    return -1;
  }

  /// The strings that a payload holds, each closed by a nul; what follows the last nul is none.
  private static List<String> strings(byte[] payload) {
    List<String> strings = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < payload.length; i++) {
      if (payload[i] == 0) {
        strings.add(new String(payload, start, i - start, ISO_8859_1));
        start = i + 1;
      }
    }
    return strings;
  }
}
