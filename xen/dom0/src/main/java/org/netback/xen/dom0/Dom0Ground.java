package org.netback.xen.dom0;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.ground.Backend;
import org.netback.xen.ground.Guests;
import org.netback.xen.store.StoreClient;
import org.netback.xen.store.StoreTransport;
import org.netback.xen.store.UnixStoreTransport;

/// The ground of a domain of a real Xen host that serves devices: the control domain, or a driver
/// domain. It is lost when the connection to the store ends, and when the event channels of one
/// loop fail ([LoopPorts]): the daemon then ends without a word to its guests, and the next one
/// goes on with all of them. To close the devices of that loop would be worse, since no frontend
/// comes back from that by itself.
public final class Dom0Ground {
  private static final List<Path> STORE_SOCKETS =
      List.of(Path.of("/run/xenstored/socket"), Path.of("/var/run/xenstored/socket"));

  private Dom0Ground() {}

  /// Opens the devices and connects to the store.
  ///
  /// @param environment of the process: `XENSTORED_PATH` names another socket of xenstored's
  /// @throws IOException this is no domain that may serve devices, or a device or xenstored is not
  ///   there
  /// @param errors where what escapes callbacks is recorded
  public static Backend open(Map<String, String> environment, InternalErrors errors)
      throws IOException {
    List<AutoCloseable> undo = new ArrayList<>();
    try {
      Dom0GrantTable grants = Dom0GrantTable.open();
      undo.add(grants);
      Dom0EventChannels events = new Dom0EventChannels();
      undo.add(events);
      Dom0ForeignMemory foreign = new Dom0ForeignMemory();
      undo.add(foreign);
      NettyLoop loop = NettyLoop.start("xenstore", 0, errors);
      undo.add(loop);
      ExecutorService watchers =
          Executors.newThreadPerTaskExecutor(
              Thread.ofVirtual()
                  .name("watch-", 0)
                  .uncaughtExceptionHandler(errors::uncaught)
                  .factory());
      undo.add(watchers::shutdownNow);
      StoreClient store = StoreClient.start(transport(loop, environment), watchers, errors);
      undo.add(store);
      AtomicBoolean closed = new AtomicBoolean();
      return new Backend(
          store.domid(),
          new Guests(grants, events, foreign),
          store,
          lost(store, events),
          () -> {
            if (closed.compareAndSet(false, true)) {
              close(undo);
            }
          });
    } catch (Throwable e) {
      close(undo);
      throw e;
    }
  }

  private static CompletionStage<String> lost(StoreClient store, Dom0EventChannels events) {
    CompletableFuture<String> lost = new CompletableFuture<>();
    var _ = store.closed().thenAccept(lost::complete);
    var _ = events.lost().thenAccept(lost::complete);
    return lost.minimalCompletionStage();
  }

  private static StoreTransport transport(NettyLoop loop, Map<String, String> environment)
      throws IOException {
    Optional<Path> socket = storeSocket(environment);
    return socket.isPresent()
        ? UnixStoreTransport.connect(loop, socket.get())
        : KernelStoreTransport.open(loop);
  }

  /// Where xenstored listens; empty if it runs in another domain.
  static Optional<Path> storeSocket(Map<String, String> environment) {
    String named = environment.getOrDefault("XENSTORED_PATH", "");
    return named.isEmpty()
        ? STORE_SOCKETS.stream().filter(Files::exists).findFirst()
        : Optional.of(Path.of(named));
  }

  private static void close(List<AutoCloseable> parts) {
    for (AutoCloseable part : parts.reversed()) {
      try {
        part.close();
      } catch (Throwable e) {
        System.getLogger(Dom0Ground.class.getName())
            .log(System.Logger.Level.WARNING, "closing: " + e);
      }
    }
  }
}
