package org.netback.xen.embedded;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.memory.DomainMemory;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.memory.EmbeddedGuestMemory;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.toolstack.Toolstack;
import org.netback.xen.embedded.wire.GroundClient;
import org.netback.xen.embedded.wire.GroundClient.Answer;
import org.netback.xen.embedded.wire.GroundMessage.AttachBackend;
import org.netback.xen.embedded.wire.GroundMessage.AttachGuest;
import org.netback.xen.embedded.wire.GroundMessage.Attached;
import org.netback.xen.embedded.wire.RemoteEventChannels;
import org.netback.xen.embedded.wire.RemoteMemories;
import org.netback.xen.ground.Backend;
import org.netback.xen.ground.Guests;
import org.netback.xen.store.StoreClient;
import org.netback.xen.store.UnixStoreTransport;

/// Attaches this process to a ground in another one. With the process, or with what is returned,
/// goes everything that was made through it: a guest's domain is destroyed, a backend's ports are
/// offered again and its mappings undone, of which guests notice nothing.
public final class RemoteGround {
  /// How long a ground may take to answer who attaches, unless that is told otherwise.
  public static final Duration PATIENCE = Duration.ofSeconds(5);

  private final GroundClient ground;
  private final NettyLoop loop;
  private final ExecutorService watchers;
  private final StoreClient store;
  private final AtomicBoolean closed = new AtomicBoolean();

  private RemoteGround(
      GroundClient ground, NettyLoop loop, ExecutorService watchers, StoreClient store) {
    this.ground = ground;
    this.loop = loop;
    this.watchers = watchers;
    this.store = store;
  }

  /// Likewise, with the usual patience.
  public static GuestDomain attachGuest(Path runDirectory, GuestSpec spec) throws IOException {
    return attachGuest(runDirectory, spec, PATIENCE, new InternalErrors(System::nanoTime));
  }

  /// Creates a domain of this process's own.
  ///
  /// @param runDirectory where the ground was opened
  /// @param patience how long the ground may take to answer
  /// @throws java.net.SocketTimeoutException it does not answer
  /// @throws IOException if nobody listens there, or a guest of this name lives
  /// @param errors where what escapes callbacks is recorded
  public static GuestDomain attachGuest(
      Path runDirectory, GuestSpec spec, Duration patience, InternalErrors errors)
      throws IOException {
    GroundClient ground =
        GroundClient.connect(
            EmbeddedGround.groundSocket(runDirectory), GroundClient.Notices.NONE, patience, errors);
    try {
      Answer answer = ground.ask(new AttachGuest(spec), patience);
      if (!(answer.reply() instanceof Attached(int domid, DomainSize size, String storeSocket))
          || answer.descriptors().size() != 1) {
        answer.closeDescriptors();
        throw new IOException("the ground answered with " + answer.reply());
      }
      DomainMemory memory = DomainMemory.adopt(answer.descriptors().getFirst(), size);
      try {
        RemoteGround remote = open(ground, domid, storeSocket, errors);
        RemoteEventChannels events = new RemoteEventChannels(ground);
        return new GuestDomain(
            spec.name(),
            new EmbeddedGuestMemory(domid, memory, size),
            events,
            events::openConsole,
            remote.store,
            ground.lost(),
            () -> Closing.all(remote::close, memory::close));
      } catch (Throwable e) {
        memory.close();
        throw e;
      }
    } catch (Throwable e) {
      ground.close();
      throw e;
    }
  }

  /// Acts for the backends' domain.
  ///
  /// @throws java.net.SocketTimeoutException the ground does not answer
  /// @throws IOException if nobody listens there, or this process has another user than the
  ///   ground's
  public static Backend attachBackend(Path runDirectory) throws IOException {
    return attachBackend(runDirectory, new InternalErrors(System::nanoTime));
  }

  /// The same.
  ///
  /// @param errors where what escapes callbacks is recorded
  public static Backend attachBackend(Path runDirectory, InternalErrors errors) throws IOException {
    RemoteMemories memories = new RemoteMemories();
    GroundClient ground =
        GroundClient.connect(EmbeddedGround.groundSocket(runDirectory), memories, PATIENCE, errors);
    memories.attachTo(ground);
    try {
      Answer answer = ground.ask(new AttachBackend(), PATIENCE);
      if (!(answer.reply() instanceof Attached(int domid, DomainSize _, String storeSocket))) {
        answer.closeDescriptors();
        throw new IOException("the ground answered with " + answer.reply());
      }
      RemoteGround remote = open(ground, domid, storeSocket, errors);
      return new Backend(
          domid,
          new Guests(
              memories.grantTable(domid), new RemoteEventChannels(ground), memories.foreign()),
          remote.store,
          ground.lost(),
          () -> Closing.all(remote::close, memories::close));
    } catch (Throwable e) {
      ground.close();
      throw e;
    }
  }

  private static RemoteGround open(
      GroundClient ground, int domid, String storeSocket, InternalErrors errors)
      throws IOException {
    NettyLoop loop = NettyLoop.start("store", 0, errors);
    ExecutorService watchers =
        Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual()
                .name("watch-", 0)
                .uncaughtExceptionHandler(errors::uncaught)
                .factory());
    try {
      StoreClient store =
          StoreClient.start(
              UnixStoreTransport.connect(loop, Path.of(storeSocket)),
              Toolstack.domainPath(domid),
              watchers,
              errors);
      return new RemoteGround(ground, loop, watchers, store);
    } catch (Throwable e) {
      watchers.shutdownNow();
      loop.close();
      throw e;
    }
  }

  private void close() {
    if (closed.compareAndSet(false, true)) {
      Closing.all(store::close, ground::close, watchers::shutdownNow, loop::close);
    }
  }
}
