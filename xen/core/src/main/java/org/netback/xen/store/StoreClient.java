package org.netback.xen.store;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.netback.loop.InternalErrors;

/// The client's side of the xenstore's protocol (docs/misc/xenstore.txt).
///
/// A call sends its request and blocks its thread until the reply with its request's id has come;
/// watch events may come at any time. The transport's thread therefore must not make calls, which
/// is refused. Watchers are called on the executor, see [WatchEvents].
public final class StoreClient implements XenStore {
  /// How often a transaction is tried: so often that only a store under siege gets through it.
  private static final int TRANSACTION_ATTEMPTS = 100;

  /// xenstored answers within microseconds; this is for one that is stopped.
  private static final long REPLY_SECONDS = 30;

  private static final int ABSOLUTE_PATH_MAX = 3072;
  private static final String DOMID = "domid";

  private final StoreTransport transport;
  private String home;
  private final WatchEvents events;
  private final CompletableFuture<String> closed = new CompletableFuture<>();

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Integer, CompletableFuture<StoreMessage>> pending = new HashMap<>();
  private int lastRequestId;

  /// The transport's thread, as last seen.
  private volatile @Nullable Thread deliverer;

  private StoreClient(
      StoreTransport transport, String home, Executor watchers, InternalErrors errors) {
    this.transport = transport;
    this.home = home;
    this.events = new WatchEvents(watchers, errors);
  }

  /// Starts to speak over a connected transport.
  ///
  /// @param home what relative paths are relative to, "/local/domain/0"
  /// @param watchers runs the watchers' callbacks one after another; its thread may make calls
  /// @param errors where what watchers throw is recorded
  public static StoreClient start(
      StoreTransport transport, String home, Executor watchers, InternalErrors errors) {
    StoreClient client = new StoreClient(transport, home, watchers, errors);
    transport.start(client.new Replies());
    return client;
  }

  /// Starts to speak over a connected transport, at home in whichever domain xenstored takes the
  /// connection for. Blocks for a round trip.
  ///
  /// @throws StoreException the domain cannot be read; the transport is closed
  public static StoreClient start(
      StoreTransport transport, Executor watchers, InternalErrors errors) throws StoreException {
    StoreClient client = start(transport, "", watchers, errors);
    try {
      client.home = "/local/domain/" + client.domid();
      return client;
    } catch (Throwable e) {
      client.close();
      throw e;
    }
  }

  /// The domain that xenstored takes this connection for, which is where it looks for paths that do
  /// not begin with a slash: what the path `domid` holds there. The toolstack writes it for every
  /// domain it makes; only dom0, which makes itself, may be without it if nothing at its boot has
  /// written it.
  public int domid() throws StoreException {
    String text;
    try {
      text = call(StoreOperation.READ, 0, DOMID, DOMID + '\0').payload();
    } catch (StoreException e) {
      if (e.error().equals("ENOENT")) {
        return 0;
      }
      throw e;
    }
    if (!text.matches("[0-9]{1,5}")) {
      throw new StoreException("own domain", DOMID, "EIO");
    }
    return Integer.parseInt(text);
  }

  /// Completes with the reason when the connection has ended, by whichever side, on the thread that
  /// found out: which must not make calls.
  public CompletionStage<String> closed() {
    return closed.minimalCompletionStage();
  }

  @Override
  public Optional<String> read(String path) throws StoreException {
    return read(0, path);
  }

  @Override
  public List<String> directory(String path) throws StoreException {
    return directory(0, path);
  }

  @Override
  public void write(String path, String value) throws StoreException {
    write(0, path, value);
  }

  @Override
  public void mkdir(String path) throws StoreException {
    call(StoreOperation.MKDIR, 0, path, absolute(path) + '\0');
  }

  @Override
  public void remove(String path) throws StoreException {
    remove(0, path);
  }

  @Override
  public void setPermissions(String path, List<String> permissions) throws StoreException {
    setPermissions(0, path, permissions);
  }

  @Override
  public List<String> permissions(String path) throws StoreException {
    return call(StoreOperation.GET_PERMS, 0, path, absolute(path) + '\0').strings();
  }

  @Override
  public <R> R transaction(Transaction<R> body) throws StoreException {
    for (int attempt = 0; attempt < TRANSACTION_ATTEMPTS; attempt++) {
      Within within = new Within(startTransaction());
      R result;
      boolean finished = false;
      try {
        result = body.run(within);
        finished = true;
      } finally {
        within.over = true;
        if (!finished) {
          abandon(within.id);
        }
      }
      try {
        call(StoreOperation.TRANSACTION_END, within.id, "", "T\0");
        return result;
      } catch (StoreException e) {
        if (!e.error().equals("EAGAIN")) {
          throw e;
        }
      }
    }
    throw new StoreException("transaction", TRANSACTION_ATTEMPTS + " attempts", "EAGAIN");
  }

  @Override
  public Watch watch(String path, Watcher watcher) throws StoreException {
    String watched = path.startsWith("@") ? path : absolute(path);
    WatchEvents.Registration registration = events.add(watched, watcher);
    try {
      call(
          StoreOperation.WATCH, 0, path, StoreMessage.nulTerminated(watched, registration.token()));
    } catch (StoreException e) {
      events.remove(registration);
      throw e;
    }
    return () -> {
      if (events.remove(registration)) {
        unwatch(watched, registration.token());
      }
    };
  }

  @Override
  public void close() {
    transport.close();
  }

  private void unwatch(String watched, String token) {
    try {
      call(StoreOperation.UNWATCH, 0, watched, StoreMessage.nulTerminated(watched, token));
    } catch (StoreException e) {
      // The connection is gone and the watch with it, or xenstored knows it no more. Events that
      // still come have no registration any more.
      return;
    }
  }

  private int startTransaction() throws StoreException {
    String id = withoutNul(call(StoreOperation.TRANSACTION_START, 0, "", "\0").payload());
    try {
      return Integer.parseUnsignedInt(id);
    } catch (NumberFormatException e) {
      throw new StoreException("transaction", "id \"" + id + '"', "EIO");
    }
  }

  private void abandon(int transactionId) {
    try {
      call(StoreOperation.TRANSACTION_END, transactionId, "", "F\0");
    } catch (StoreException e) {
      // Gone with the connection; the body's own exception says more.
      return;
    }
  }

  private Optional<String> read(int tx, String path) throws StoreException {
    try {
      return Optional.of(call(StoreOperation.READ, tx, path, absolute(path) + '\0').payload());
    } catch (StoreException e) {
      if (e.error().equals("ENOENT")) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private List<String> directory(int tx, String path) throws StoreException {
    try {
      return call(StoreOperation.DIRECTORY, tx, path, absolute(path) + '\0').strings();
    } catch (StoreException e) {
      return switch (e.error()) {
        case "ENOENT" -> List.of();
        case "E2BIG" -> directoryInParts(tx, path);
        default -> throw e;
      };
    }
  }

  /// A directory that does not fit into one reply: pieces from the offset reached, all of one
  /// generation of the node; the last piece ends in an empty string.
  private List<String> directoryInParts(int tx, String path) throws StoreException {
    for (int attempt = 0; attempt < TRANSACTION_ATTEMPTS; attempt++) {
      List<String> names = new ArrayList<>();
      if (readParts(tx, path, names)) {
        return names;
      }
    }
    throw new StoreException("directory", path, "EAGAIN");
  }

  private boolean readParts(int tx, String path, List<String> names) throws StoreException {
    String generation = "";
    int offset = 0;
    while (true) {
      String part =
          call(
                  StoreOperation.DIRECTORY_PART,
                  tx,
                  path,
                  StoreMessage.nulTerminated(absolute(path), Integer.toString(offset)))
              .payload();
      int nul = part.indexOf('\0');
      if (nul < 0) {
        throw new StoreException("directory", path, "EIO");
      }
      if (offset == 0) {
        generation = part.substring(0, nul);
      } else if (!part.substring(0, nul).equals(generation)) {
        return false;
      }
      int from = nul + 1;
      int progress = offset;
      while (from < part.length()) {
        int end = part.indexOf('\0', from);
        if (end == from) {
          return true;
        }
        if (end < 0) {
          throw new StoreException("directory", path, "EIO");
        }
        names.add(part.substring(from, end));
        offset += end + 1 - from;
        from = end + 1;
      }
      if (offset == progress) {
        return true;
      }
    }
  }

  private void write(int tx, String path, String value) throws StoreException {
    call(StoreOperation.WRITE, tx, path, absolute(path) + '\0' + value);
  }

  private void remove(int tx, String path) throws StoreException {
    try {
      call(StoreOperation.RM, tx, path, absolute(path) + '\0');
    } catch (StoreException e) {
      if (!e.error().equals("ENOENT")) {
        throw e;
      }
    }
  }

  private void setPermissions(int tx, String path, List<String> permissions) throws StoreException {
    call(
        StoreOperation.SET_PERMS,
        tx,
        path,
        absolute(path) + '\0' + StoreMessage.nulTerminated(permissions.toArray(String[]::new)));
  }

  private String absolute(String path) throws StoreException {
    String absolute = path.startsWith("/") ? path : home + '/' + path;
    if (absolute.length() > ABSOLUTE_PATH_MAX || absolute.indexOf('\0') >= 0) {
      throw new StoreException("path", absolute.length() + " octets", "EINVAL");
    }
    return absolute;
  }

  private StoreMessage call(StoreOperation operation, int tx, String path, String payload)
      throws StoreException {
    if (Thread.currentThread().equals(deliverer)) {
      throw new IllegalStateException(
          operation + " of " + path + " on the transport's thread, which would wait for itself");
    }
    if (payload.length() > StoreMessage.PAYLOAD_MAX) {
      // xenstored would end the connection.
      throw new StoreException(operation.name(), path, "E2BIG");
    }
    CompletableFuture<StoreMessage> reply = new CompletableFuture<>();
    int id = send(operation, tx, path, payload, reply);
    StoreMessage message;
    try {
      message = reply.get(REPLY_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new StoreException(
          operation.name(), path, e instanceof TimeoutException ? "ETIMEDOUT" : "ENOTCONN");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StoreException(operation.name(), path, "EINTR");
    } finally {
      forget(id);
    }
    if (message.type() == StoreOperation.ERROR.type()) {
      throw new StoreException(operation.name(), path, withoutNul(message.payload()));
    }
    if (message.type() != operation.type()) {
      throw new StoreException(operation.name(), path, "EIO");
    }
    return message;
  }

  private int send(
      StoreOperation operation,
      int tx,
      String path,
      String payload,
      CompletableFuture<StoreMessage> reply)
      throws StoreException {
    StoreMessage request;
    lock.lock();
    try {
      if (closed.isDone()) {
        throw new StoreException(operation.name(), path, "ENOTCONN");
      }
      do {
        lastRequestId++;
      } while (lastRequestId == 0 || pending.containsKey(lastRequestId));
      try {
        request = new StoreMessage(operation.type(), lastRequestId, tx, payload);
      } catch (IllegalArgumentException e) {
        throw new StoreException(operation.name(), path, "EINVAL");
      }
      pending.put(lastRequestId, reply);
    } finally {
      lock.unlock();
    }
    transport.send(request.encode());
    return request.requestId();
  }

  private void forget(int requestId) {
    lock.lock();
    try {
      pending.remove(requestId);
    } finally {
      lock.unlock();
    }
  }

  private static String withoutNul(String payload) {
    return payload.endsWith("\0") ? payload.substring(0, payload.length() - 1) : payload;
  }

  /// What the transport delivers.
  private final class Replies implements StoreTransport.Receiver {
    private final StoreMessage.Decoder decoder = new StoreMessage.Decoder();

    @Override
    public void received(ByteBuffer octets) {
      deliverer = Thread.currentThread();
      try {
        while (octets.hasRemaining()) {
          decoder.decode(octets).ifPresent(this::dispatch);
        }
      } catch (StoreException e) {
        closed("not xenstore's protocol: " + e.getMessage());
        transport.close();
      }
    }

    @Override
    public void closed(String reason) {
      List<CompletableFuture<StoreMessage>> waiting;
      lock.lock();
      try {
        closed.complete(reason);
        waiting = List.copyOf(pending.values());
        pending.clear();
      } finally {
        lock.unlock();
      }
      for (CompletableFuture<StoreMessage> reply : waiting) {
        reply.completeExceptionally(new IllegalStateException(reason));
      }
    }

    private void dispatch(StoreMessage message) {
      if (message.type() == StoreOperation.WATCH_EVENT.type()) {
        List<String> pathAndToken = message.strings();
        if (pathAndToken.size() >= 2) {
          events.occurred(pathAndToken.get(0), pathAndToken.get(1));
        }
        return;
      }
      CompletableFuture<StoreMessage> reply;
      lock.lock();
      try {
        reply = pending.remove(message.requestId());
      } finally {
        lock.unlock();
      }
      if (reply != null) {
        reply.complete(message);
      }
    }
  }

  /// The store as the body of a transaction sees it.
  private final class Within implements XenStore {
    private final int id;
    private boolean over;

    private Within(int id) {
      this.id = id;
    }

    private int open() {
      if (over) {
        throw new IllegalStateException("transaction " + id + " is over");
      }
      return id;
    }

    @Override
    public Optional<String> read(String path) throws StoreException {
      return StoreClient.this.read(open(), path);
    }

    @Override
    public List<String> directory(String path) throws StoreException {
      return StoreClient.this.directory(open(), path);
    }

    @Override
    public void write(String path, String value) throws StoreException {
      StoreClient.this.write(open(), path, value);
    }

    @Override
    public void mkdir(String path) throws StoreException {
      call(StoreOperation.MKDIR, open(), path, absolute(path) + '\0');
    }

    @Override
    public void remove(String path) throws StoreException {
      StoreClient.this.remove(open(), path);
    }

    @Override
    public void setPermissions(String path, List<String> permissions) throws StoreException {
      StoreClient.this.setPermissions(open(), path, permissions);
    }

    @Override
    public List<String> permissions(String path) throws StoreException {
      return call(StoreOperation.GET_PERMS, open(), path, absolute(path) + '\0').strings();
    }

    @Override
    public <R> R transaction(Transaction<R> body) {
      throw new UnsupportedOperationException("a transaction within transaction " + id);
    }

    @Override
    public Watch watch(String path, Watcher watcher) {
      throw new UnsupportedOperationException("a watch within transaction " + id);
    }

    @Override
    public void close() {
      throw new UnsupportedOperationException("the connection outlives transaction " + id);
    }
  }
}
