package org.netback.xen.embedded.xenstored;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.netback.xen.ground.Domids;

/// The store: the current version of the tree, the domains and the watches. One thread; does no
/// I/O, knows no time.
///
/// The tree's top has three children: the root `/` and the two special watches, whose nodes hold
/// nothing but permissions.
final class Store {
  /// How far behind, in changes, a guest's transaction may keep an old version of the store alive;
  /// beyond, it is told to try again. Without, guests that open transactions and leave them could
  /// keep any number of whole versions.
  static final int AGE_MAX = 50_000;

  private final Map<Integer, Account> accounts = new HashMap<>();
  private final Map<StorePath, List<Watch>> watches = new HashMap<>();
  private final Map<Account, List<Session>> sessions = new HashMap<>();
  private final int[] limits = Quota.initials();
  private final Account control = new Account(Account.CONTROL, 0, limits);
  private final Set<Transaction> guests = new LinkedHashSet<>();
  private Node top;
  private long generation;

  Store() {
    accounts.put(Account.CONTROL, control);
    control.introduce();
    Permission nobody = new Permission(0, Account.CONTROL, false);
    Permission everybody = new Permission(Permission.READ, Permission.ANY_DOMAIN, false);
    Permissions hidden = new Permissions(List.of(nobody), 0);
    Permissions readable = new Permissions(List.of(nobody, everybody), 0);
    Node tool =
        Node.create(NodeValue.EMPTY, hidden, 0)
            .withChild("xenstored", Node.create(NodeValue.EMPTY, hidden, 0), 0);
    top =
        Node.create(NodeValue.EMPTY, hidden, 0)
            .withChild("/", Node.create(NodeValue.EMPTY, hidden, 0).withChild("tool", tool, 0), 0)
            .withChild("@introduceDomain", Node.create(NodeValue.EMPTY, hidden, 0), 0)
            .withChild("@releaseDomain", Node.create(NodeValue.EMPTY, readable, 0), 0);
    control.countNodes(5);
  }

  Node top() {
    return top;
  }

  long generation() {
    return generation;
  }

  long nextGeneration() {
    return ++generation;
  }

  Optional<Account> account(int domid) {
    return Optional.ofNullable(accounts.get(domid));
  }

  /// The domain, which becomes known by this.
  Account getToKnow(int domid) {
    return accounts.computeIfAbsent(domid, id -> new Account(id, generation, limits));
  }

  int limit(Quota quota) {
    return limits[quota.ordinal()];
  }

  /// Sets the limit of domains to come.
  void limit(Quota quota, int value) {
    limits[quota.ordinal()] = value;
  }

  boolean lives(Permissions permissions) {
    return account(permissions.owner()).filter(permissions::ownedBy).isPresent();
  }

  /// Permissions of a node that a domain makes below another: as above, but a guest owns what it
  /// makes.
  Permissions inherited(Permissions above, Account maker) {
    if (maker.privileged() || above.ownedBy(maker)) {
      return above;
    }
    List<Permission> entries = new ArrayList<>(above.entries());
    entries.set(0, new Permission(entries.getFirst().access(), maker.domid(), false));
    // These permissions are younger than those above, and must not revive entries of the dead.
    entries.replaceAll(
        entry ->
            entry.domid() == Permission.ANY_DOMAIN
                    || entry.domid() == maker.domid()
                    || account(entry.domid()).filter(d -> d.bornBy(above.since())).isPresent()
                ? entry
                : entry.ignore());
    return new Permissions(List.copyOf(entries), nextGeneration());
  }

  /// Marks the entries that name domains which are not there. What the control domain names is
  /// taken to exist, since it gives a domain its nodes before it introduces it.
  List<Permission> judged(List<Permission> entries, Account by) {
    List<Permission> judged = new ArrayList<>(entries.size());
    for (Permission entry : entries) {
      boolean there =
          entry.domid() == Permission.ANY_DOMAIN
              || accounts.containsKey(entry.domid())
              || by.privileged() && entry.domid() < Domids.FIRST_RESERVED;
      if (there && entry.domid() != Permission.ANY_DOMAIN) {
        getToKnow(entry.domid());
      }
      judged.add(there ? entry : entry.ignore());
    }
    return List.copyOf(judged);
  }

  Transaction begin(Account owner) {
    Transaction transaction = new Transaction(this, owner, true);
    owner.countTransactions(1);
    if (!owner.privileged()) {
      guests.add(transaction);
    }
    return transaction;
  }

  void end(Transaction transaction, Account owner) {
    owner.countTransactions(-1);
    guests.remove(transaction);
  }

  private void expire() {
    Iterator<Transaction> oldest = guests.iterator();
    while (oldest.hasNext()) {
      Transaction transaction = oldest.next();
      if (transaction.started() + AGE_MAX > generation) {
        return;
      }
      transaction.expire();
      oldest.remove();
    }
  }

  /// Makes a transaction's changes the store's, unless it conflicts, and tells the watchers.
  Answer commit(Transaction transaction, Account by) {
    if (transaction.failed()) {
      return transaction.expired() ? StoreError.EAGAIN : StoreError.ENOMEM;
    }
    if (!transaction.changedAnything()) {
      return Reply.OK;
    }
    if (transaction.conflictsWith(top)) {
      return StoreError.EAGAIN;
    }
    int more = transaction.nodes().getOrDefault(by.domid(), 0);
    if (more > 0 && by.exceeds(Quota.NODES, by.nodes() + more)) {
      return StoreError.ENOSPC;
    }
    expire();
    Node before = top;
    top = transaction.appliedTo(before);
    transaction.nodes().forEach((domid, n) -> account(domid).ifPresent(d -> d.countNodes(n)));
    if (!watches.isEmpty()) {
      transaction.changedPaths().forEach((path, toThoseAbove) -> fire(before, path, toThoseAbove));
    }
    return Reply.OK;
  }

  private void fire(Node before, StorePath path, boolean toThoseAbove) {
    StorePath at = path;
    while (true) {
      for (Watch watch : watches.getOrDefault(at, List.of())) {
        if (watch.covers(path) && mayHear(watch.session().account(), before, path)) {
          watch.fire(path);
        }
      }
      if (at.isRoot() || !toThoseAbove) {
        return;
      }
      at = at.parent();
    }
  }

  /// Whether a domain may learn of a change: only if it may read the node as it was or as it is, or
  /// the list of names that the node is in (XSA-115).
  private boolean mayHear(Account listener, Node before, StorePath path) {
    return listener.privileged()
        || readable(before.descend(path), listener)
        || readable(top.descend(path), listener)
        || readable(before.descend(path.parent()), listener)
        || readable(top.descend(path.parent()), listener);
  }

  private static boolean readable(Node node, Account listener) {
    return node.exists() && (node.permissions().accessOf(listener) & Permission.READ) != 0;
  }

  private void fireSpecial(StorePath special, int domid) {
    Node node = top.descend(special);
    for (Watch watch : watches.getOrDefault(special, List.of())) {
      if (readable(node, watch.session().account())) {
        watch.fire(watch.depth() > 0 ? special.child(Integer.toString(domid)) : special);
      }
    }
    StorePath one = special.child(Integer.toString(domid));
    for (Watch watch : watches.getOrDefault(one, List.of())) {
      if (readable(node, watch.session().account())) {
        watch.fire(one);
      }
    }
  }

  Answer add(Watch watch) {
    List<Watch> here = watches.getOrDefault(watch.path(), List.of());
    for (Watch other : here) {
      if (other.session() == watch.session() && other.token().equals(watch.token())) {
        return StoreError.EEXIST;
      }
    }
    Account account = watch.session().account();
    if (account.exceeds(Quota.WATCHES, account.watches() + 1)) {
      return StoreError.ENOSPC;
    }
    account.countWatches(1);
    watches.computeIfAbsent(watch.path(), _ -> new ArrayList<>()).add(watch);
    return Reply.OK;
  }

  void remove(Collection<Watch> removed) {
    for (Watch watch : removed) {
      watches.computeIfPresent(
          watch.path(),
          (_, here) -> {
            here.remove(watch);
            return here.isEmpty() ? null : here;
          });
      watch.session().account().countWatches(-1);
    }
  }

  void open(Session session) {
    sessions.computeIfAbsent(session.account(), _ -> new ArrayList<>()).add(session);
  }

  void close(Session session) {
    sessions.computeIfPresent(
        session.account(),
        (_, open) -> {
          open.remove(session);
          return open.isEmpty() ? null : open;
        });
  }

  List<Session> sessions(Account account) {
    return List.copyOf(sessions.getOrDefault(account, List.of()));
  }

  /// Introduces a domain; false if it already was.
  boolean introduce(int domid) {
    Account account = getToKnow(domid);
    if (account.introduced()) {
      return false;
    }
    account.introduce();
    fireSpecial(StorePath.INTRODUCE_DOMAIN, domid);
    return true;
  }

  /// A domain has shut down, but its nodes stay until it is released.
  void shutDown(int domid) {
    if (account(domid).filter(Account::shutDown).isPresent()) {
      fireSpecial(StorePath.RELEASE_DOMAIN, domid);
    }
  }

  /// A domain is gone: its clients are hung up on, and what it leaves in the tree is removed.
  void release(int domid) {
    if (domid == Account.CONTROL) {
      throw new IllegalArgumentException("domain 0 is not released");
    }
    Account account = accounts.get(domid);
    if (account == null) {
      return;
    }
    for (Session session : sessions(account)) {
      session.hangUp();
    }
    Transaction purge = new Transaction(this, control, false);
    purge.purge(domid);
    commit(purge, control);
    accounts.remove(domid);
    for (Account other : accounts.values()) {
      if (other.target().filter(target -> target == account).isPresent()) {
        other.aim(Optional.empty());
      }
    }
    if (account.introduced()) {
      fireSpecial(StorePath.RELEASE_DOMAIN, domid);
    }
  }
}
