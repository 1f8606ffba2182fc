package org.netback.xen.embedded;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.LockFile;
import org.netback.loop.netty.NettyLoop;
import org.netback.loop.netty.SocketFile;
import org.netback.xen.embedded.memory.EmbeddedGuestMemory;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.toolstack.Toolstack;
import org.netback.xen.embedded.xenstored.Xenstored;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventHandler;
import org.netback.xen.ground.Backend;
import org.netback.xen.store.StoreClient;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.UnixStoreTransport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A ground of one's own: hypervisor, xenstored and toolstack, in the directory where other
/// processes find it. It may live in the backends' process, which then dies with it, or alone.
///
/// The directory holds `xenstored.sock` (the store as the backends' domain), `ground.sock` (where
/// [RemoteGround] attaches) and `domains/<domid>.sock` (the store as that domain). All are their
/// user's alone; between processes of one user, nothing but the protocol keeps a guest from
/// another's socket, as nothing keeps it from debugging the other.
public final class EmbeddedGround implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EmbeddedGround.class);

  /// How long a backend may take to let go of a destroyed guest's device; libxl waits as long.
  private static final Duration BACKEND_PATIENCE = Duration.ofSeconds(10);

  private final Path runDirectory;
  private final LockFile lockFile;
  private final Hypervisor hypervisor = new Hypervisor();
  private final NettyLoop loop;
  private final Xenstored xenstored;
  private final ExecutorService tasks;
  private final StoreClient store;
  private final Toolstack toolstack;
  private final ConcurrentHashMap<Integer, Guest> guests = new ConcurrentHashMap<>();
  private Optional<GroundServer> server = Optional.empty();
  private final InternalErrors errors;
  private volatile boolean closing;

  private EmbeddedGround(
      Path runDirectory,
      LockFile lockFile,
      NettyLoop loop,
      Xenstored xenstored,
      ExecutorService tasks,
      StoreClient store,
      InternalErrors errors) {
    this.runDirectory = runDirectory;
    this.lockFile = lockFile;
    this.loop = loop;
    this.xenstored = xenstored;
    this.tasks = tasks;
    this.store = store;
    this.errors = errors;
    this.toolstack = new Toolstack(store, Hypervisor.BACKEND_DOMID);
  }

  /// The longest path of a run directory, in octets: that of its longest socket fits.
  public static final int MAX_RUN_OCTETS = SocketFile.MAX_OCTETS - "/domains/32751.sock".length();

  /// Opens a ground that tells the system's log what escapes its callbacks.
  public static EmbeddedGround open(Path runDirectory) throws IOException {
    return open(runDirectory, new InternalErrors(System::nanoTime));
  }

  /// Opens a ground; the sockets that a dead one has left in the directory are replaced.
  ///
  /// @param runDirectory is created where needed; its path has at most [#MAX_RUN_OCTETS] octets
  /// @param errors where what escapes its callbacks is recorded
  /// @throws IOException if another ground lives there, or something else is in the way
  public static EmbeddedGround open(Path runDirectory, InternalErrors errors) throws IOException {
    int octets = runDirectory.toString().getBytes(StandardCharsets.UTF_8).length;
    if (octets > MAX_RUN_OCTETS) {
      throw new IOException(
          runDirectory
              + ": a ground's directory has a path of at most "
              + MAX_RUN_OCTETS
              + " octets, this one "
              + octets);
    }
    LockFile lockFile =
        LockFile.tryLock(runDirectory.resolve("lock"))
            .orElseThrow(
                () ->
                    new IOException(
                        "another ground lives in "
                            + runDirectory
                            + ": stop it, choose another directory, or have the daemon use that"
                            + " ground (ground: {apart: true})"));
    NettyLoop loop = NettyLoop.start("ground", 0, errors);
    ExecutorService tasks =
        Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual()
                .name("toolstack-", 0)
                .uncaughtExceptionHandler(errors::uncaught)
                .factory());
    Xenstored xenstored = new Xenstored(loop.ioEventLoop(), errors);
    try {
      LockFile.makeDirectories(runDirectory.resolve("domains"));
      xenstored.listen(storeSocket(runDirectory), Hypervisor.BACKEND_DOMID);
      StoreClient store =
          StoreClient.start(
              UnixStoreTransport.connect(loop, storeSocket(runDirectory)),
              Toolstack.domainPath(Hypervisor.BACKEND_DOMID),
              tasks,
              errors);
      EmbeddedGround ground =
          new EmbeddedGround(runDirectory, lockFile, loop, xenstored, tasks, store, errors);
      ground.toolstack.buildBackendDomain();
      ground.server =
          Optional.of(GroundServer.start(ground, ground.hypervisor, groundSocket(runDirectory)));
      return ground;
    } catch (Throwable e) {
      xenstored.close();
      loop.close();
      tasks.close();
      lockFile.close();
      throw e;
    }
  }

  static Path groundSocket(Path runDirectory) {
    return runDirectory.resolve("ground.sock");
  }

  static Path storeSocket(Path runDirectory) {
    return runDirectory.resolve("xenstored.sock");
  }

  private Path storeSocket(int domid) {
    return runDirectory.resolve("domains").resolve(domid + ".sock");
  }

  public Path runDirectory() {
    return runDirectory;
  }

  /// The side of the backends' drivers in this process.
  public Backend backend() throws IOException {
    StoreClient client = connectStore(storeSocket(runDirectory), Hypervisor.BACKEND_DOMID);
    return new Backend(
        Hypervisor.BACKEND_DOMID, hypervisor.guests(), client, client.closed(), client::close);
  }

  private StoreClient connectStore(Path socket, int domid) throws IOException {
    return StoreClient.start(
        UnixStoreTransport.connect(loop, socket), Toolstack.domainPath(domid), tasks, errors);
  }

  InternalErrors errors() {
    return errors;
  }

  Hypervisor hypervisor() {
    return hypervisor;
  }

  /// Creates a domain with its devices, for a guest in this process. Blocks for round trips to the
  /// store.
  ///
  /// @throws IOException if a domain of this name lives
  public GuestDomain createDomain(GuestSpec spec) throws IOException {
    Domain domain = hypervisor.create(spec.name(), spec.size());
    CompletableFuture<String> lost = new CompletableFuture<>();
    try {
      Path socket = introduce(domain, spec, lost);
      StoreClient client = connectStore(socket, domain.domid);
      return new GuestDomain(
          spec.name(),
          new EmbeddedGuestMemory(domain.domid, domain.memory.orElseThrow(), spec.size()),
          hypervisor.events(domain),
          (loop, handler) -> openConsole(domain, loop, handler),
          client,
          lost.minimalCompletionStage(),
          () -> Closing.all(client::close, () -> destroy(domain, "destroyed by its guest")));
    } catch (Throwable e) {
      destroy(domain, "could not be built");
      throw e;
    }
  }

  private EventChannel openConsole(Domain domain, EventLoop loop, EventHandler handler)
      throws IOException {
    EventChannel channel =
        hypervisor.events(domain).allocate(Hypervisor.BACKEND_DOMID, loop, handler);
    try {
      announceConsole(domain, channel.port());
    } catch (Throwable e) {
      channel.close();
      throw e;
    }
    return channel;
  }

  /// Writes where a domain's primary console is.
  ///
  /// @throws IOException it was written before
  void announceConsole(Domain domain, int port) throws IOException {
    if (!domain.consoleOpened.compareAndSet(false, true)) {
      throw new IOException("the console of domain " + domain.domid + " is open already");
    }
    toolstack.addConsole(domain.domid, domain.size.consoleFrame(), port);
  }

  /// Makes a domain known in the store.
  ///
  /// @param lost completed when it is destroyed
  /// @return its own store socket
  Path introduce(Domain domain, GuestSpec spec, CompletableFuture<String> lost) throws IOException {
    guests.put(domain.domid, new Guest(domain, lost));
    if (closing) {
      throw new IOException("create domain " + spec.name() + ": the ground is closed");
    }
    toolstack.build(domain.domid, spec);
    Path socket = storeSocket(domain.domid);
    xenstored.listen(socket, domain.domid);
    xenstored.introduce(domain.domid);
    return socket;
  }

  /// Destroys a domain at once, and removes its devices and nodes in the background.
  void destroy(Domain domain, String reason) {
    Closing.all(() -> hypervisor.destroy(domain), () -> removeLater(domain, reason));
  }

  private void removeLater(Domain domain, String reason) {
    Optional<Guest> guest = Optional.ofNullable(guests.remove(domain.domid));
    if (guest.isEmpty()) {
      return;
    }
    guest.get().lost.complete(reason);
    try {
      if (!closing) {
        tasks.execute(() -> forget(domain.domid));
      }
    } catch (RejectedExecutionException e) {
      LOG.debug("the ground closes, domain {} goes with it", domain.domid, e);
    }
  }

  private void forget(int domid) {
    try {
      xenstored.shutDown(domid);
      toolstack.removeDevices(domid, BACKEND_PATIENCE);
      xenstored.release(domid);
      toolstack.removeDomain(domid);
    } catch (StoreException e) {
      // A closing ground takes the store along.
      if (!closing) {
        LOG.warn("domain {} leaves nodes in the store", domid, e);
      }
    } catch (RuntimeException | Error e) {
      if (!closing) {
        errors.record("removal of domain " + domid, e);
      }
    }
  }

  /// Destroys every domain, ends every connection and removes the sockets. Not to be called on the
  /// ground's own threads. Idempotent.
  @Override
  public void close() throws IOException {
    if (closing) {
      return;
    }
    closing = true;
    Closing.all(
        () -> {
          if (server.isPresent()) {
            server.get().close();
          }
        },
        () -> Closing.each(guests.values(), g -> destroy(g.domain, "the ground closes")),
        store::close,
        tasks::shutdownNow,
        xenstored::close,
        loop::close,
        hypervisor::close,
        lockFile::close);
  }

  private record Guest(Domain domain, CompletableFuture<String> lost) {}
}
