package org.netback.benchmarks;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.netback.loop.Closing;
import org.netback.loop.netty.NettyLoop;
import org.netback.netif.NetBackend;
import org.netback.netif.NetworkPolicy;
import org.netback.netif.VifStatistics;
import org.netback.packet.MacAddress;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.ground.Backend;
import org.netback.xen.store.XenStore;

/// A whole backend as the daemon composes it, on an embedded ground, with guests in a process of
/// their own: one loop for all queues, on a core of its own where there are two.
final class Rig implements AutoCloseable {
  private static final int MOST_QUEUES = 4;
  private static final long PATIENCE_SECONDS = 20;
  private static final String NETWORK = "bench";
  private static final MacAddress SENDER = MacAddress.parse("00:16:3e:00:00:01");
  private static final MacAddress RECEIVER = MacAddress.parse("00:16:3e:00:00:02");
  private static final List<String> FEATURES =
      List.of(
          "request-rx-copy",
          "feature-rx-notify",
          "feature-sg",
          "feature-gso-tcpv4",
          "feature-gso-tcpv6",
          "feature-ipv6-csum-offload");

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private final Path run = Files.createTempDirectory("netback-bench");
  private final EmbeddedGround ground = EmbeddedGround.open(run);
  private final Backend backend = ground.backend();
  private final Switch vswitch = new Switch(MacLimits.DEFAULT, System::nanoTime);
  private final NettyLoop queueLoop;
  private final NettyLoop busLoop = NettyLoop.start("bus");
  private final ExecutorService storeWriter = Executors.newSingleThreadExecutor();
  private final NetBackend netBackend;
  private final BackendBus bus;
  private final Thread thread;

  /// @param mode of the loop that serves the queues
  Rig(Mode mode) throws IOException, InterruptedException {
    queueLoop = NettyLoop.start("queues", mode.lingerNanos());
    netBackend =
        new NetBackend(
            vswitch,
            NetworkPolicy.OPEN,
            backend.guests(),
            List.of(queueLoop),
            MOST_QUEUES,
            storeWriter);
    bus =
        new BackendBus(
            backend.store(), busLoop, backend.domid(), List.of(netBackend.deviceClass()));
    bus.start();
    CompletableFuture<Path> task = new CompletableFuture<>();
    CompletableFuture<Thread> found = new CompletableFuture<>();
    queueLoop.execute(
        () -> {
          found.complete(Thread.currentThread());
          try {
            task.complete(Files.readSymbolicLink(Path.of("/proc/thread-self")));
          } catch (IOException e) {
            task.completeExceptionally(e);
          }
        });
    thread = found.join();
    pin(task.join().getFileName().toString());
  }

  /// As C's backend is: to the last core, the guests being on the first.
  private static void pin(String task) throws IOException, InterruptedException {
    int last = Runtime.getRuntime().availableProcessors() - 1;
    Process taskset =
        new ProcessBuilder("taskset", "-p", "-c", Integer.toString(last), task)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    if (taskset.waitFor() != 0) {
      throw new IOException("taskset failed for thread " + task);
    }
  }

  /// Where guests attach.
  Path runDirectory() {
    return run;
  }

  /// Connects guests' devices.
  ///
  /// @param features that the guests' frontends have beside those that all of them need
  void connect(Guests guests, String... features) throws IOException, InterruptedException {
    XenStore store = backend.store();
    for (int domid : guests.domids()) {
      await(store, back(domid), XenbusState.INIT_WAIT);
      for (String feature : FEATURES) {
        store.write(front(domid) + feature, "1");
      }
      for (String feature : features) {
        store.write(front(domid) + feature, "1");
      }
    }
    for (Guests.Key key : guests.keys()) {
      store.write(front(key.domid()) + key.name(), key.value());
    }
    for (int domid : guests.domids()) {
      store.write(front(domid) + "state", XenbusState.CONNECTED.text());
      await(store, back(domid), XenbusState.CONNECTED);
    }
  }

  private static String front(int domid) {
    return "/local/domain/" + domid + "/device/vif/0/";
  }

  private String back(int domid) {
    return "/local/domain/" + backend.domid() + "/backend/vif/" + domid + "/0/";
  }

  private static void await(XenStore store, String back, XenbusState state)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (XenbusState.parse(store.read(back + "state").orElse("")) != state) {
      if (System.nanoTime() > end) {
        throw new IOException(back + " does not become " + state);
      }
      TimeUnit.MILLISECONDS.sleep(2);
    }
  }

  /// Enters the receiver's address, so that nothing is flooded to it, and without learning the
  /// sender's.
  void enterAddresses(Guests guests, boolean learning) {
    vswitch.network(NETWORK).addStatic(RECEIVER, port(guests.domids().get(1)));
    if (!learning) {
      vswitch.network(NETWORK).addStatic(SENDER, port(guests.domids().get(0)));
    }
  }

  SwitchPort port(int domid) {
    String name = id(domid).toString();
    return vswitch.network(NETWORK).ports().stream()
        .filter(port -> port.name().equals(name))
        .findAny()
        .orElseThrow();
  }

  /// What a daemon does every second.
  void age() {
    vswitch.age();
  }

  VifStatistics statistics(int domid) {
    return netBackend.statistics(id(domid)).orElseThrow();
  }

  private static DeviceId id(int domid) {
    return new DeviceId(NetBackend.TYPE, domid, 0);
  }

  /// How often guests were notified.
  long notifications(Guests guests) {
    return guests.domids().stream()
        .flatMap(domid -> statistics(domid).queues().stream())
        .mapToLong(queue -> queue.tx().notifications() + queue.rx().notifications())
        .sum();
  }

  /// CPU time of the thread that serves the queues.
  long cpuNanos() {
    return threads.getThreadCpuTime(thread.threadId());
  }

  /// What that thread has allocated, in octets.
  long allocated() {
    return threads.getThreadAllocatedBytes(thread.threadId());
  }

  /// After the guests, whose devices must be gone before the store is.
  @Override
  public void close() throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!netBackend.statistics().isEmpty() && System.nanoTime() < end) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
    }
    Closing.all(
        () -> bus.abandon().toCompletableFuture().join(),
        backend::close,
        ground::close,
        queueLoop::close,
        busLoop::close,
        storeWriter::shutdownNow,
        this::deleteFiles);
  }

  private void deleteFiles() throws IOException {
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
