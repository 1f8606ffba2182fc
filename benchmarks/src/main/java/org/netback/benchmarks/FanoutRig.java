package org.netback.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.netback.netif.NetBackend;
import org.netback.netif.NetworkPolicy;
import org.netback.netif.VifStatistics;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.ground.Backend;
import org.netback.xen.netty.NettyLoop;
import org.netback.xen.ring.RingViolation;
import org.netback.xen.store.XenStore;

/// A whole backend on an embedded ground, a guest that sends to a group, guests that are in it, and
/// one that is not: one loop for all queues, the guests' halves of the rings in the caller's hands.
final class FanoutRig implements AutoCloseable {
  private static final int BACKEND = 0;
  private static final String NETWORK = "bench";
  private static final long PATIENCE_SECONDS = 20;
  private static final byte[] GROUP = HexFormat.of().parseHex("01005e010101");
  private static final byte[] SENDER = HexFormat.of().parseHex("00163e000001");

  private final Path run = Files.createTempDirectory("netback-bench");
  private final EmbeddedGround ground = EmbeddedGround.open(run);
  private final Backend backend = ground.backend();
  private final Switch vswitch = new Switch(MacLimits.DEFAULT, System::nanoTime);
  private final NettyLoop queueLoop = NettyLoop.start("queues");
  private final NettyLoop busLoop = NettyLoop.start("bus");
  private final NettyLoop guestLoop = NettyLoop.start("guests");
  private final ExecutorService storeWriter = Executors.newSingleThreadExecutor();
  private final NetBackend netBackend;
  private final BackendBus bus;
  private final List<GuestDomain> guests = new ArrayList<>();
  private final List<Sink> sinks = new ArrayList<>();
  private final List<Source> sources = new ArrayList<>();
  private final List<EventChannel> txChannels = new ArrayList<>();
  private final List<EventChannel> rxChannels = new ArrayList<>();
  private final int members;

  /// @param control whether members list the group; otherwise they are known by their reports
  FanoutRig(int length, int members, boolean control) throws IOException, InterruptedException {
    this.members = members;
    netBackend =
        new NetBackend(
            vswitch,
            NetworkPolicy.OPEN,
            backend.grants(),
            backend.events(),
            List.of(queueLoop),
            1,
            storeWriter);
    bus = new BackendBus(backend.store(), busLoop, BACKEND, Map.of(NetBackend.TYPE, netBackend));
    bus.start();
    // The sender, the members, and the one who is not in the group.
    for (int i = 0; i < members + 2; i++) {
      connect("guest" + i, length, control);
    }
    settle();
    for (SwitchPort port : vswitch.network(NETWORK).ports()) {
      int guest = guest(port);
      if (guest >= 1 && guest <= members) {
        if (control) {
          port.multicastFilter().add(0x0100_5e01_0101L);
        } else {
          join(port);
        }
      }
      port.multicastFilter().apply(control);
    }
  }

  /// By the order in which the domains were made.
  private int guest(SwitchPort port) {
    for (int i = 0; i < guests.size(); i++) {
      if (port.name().equals("vif" + guests.get(i).domid() + ".0")) {
        return i;
      }
    }
    throw new IllegalStateException("whose is " + port + '?');
  }

  /// Until every port has been asked for its groups and has had the time to answer.
  private void settle() throws InterruptedException {
    for (int i = 0; i < 4; i++) {
      vswitch.age();
      TimeUnit.SECONDS.sleep(1);
    }
    vswitch.age();
  }

  private static void join(SwitchPort port) {
    IgmpReport.send(port, HexFormat.of().parseHex("ef010101"));
  }

  private void connect(String name, int length, boolean control)
      throws IOException, InterruptedException {
    GuestDomain guest = ground.createDomain(GuestSpec.of(name, NETWORK));
    guests.add(guest);
    XenStore store = guest.store();
    String front = guest.frontendPath(0);
    String back = store.read(front + "/backend").orElseThrow();
    await(store, back + "/state", XenbusState.INIT_WAIT);
    Source source = new Source(guest.memory(), BACKEND, 0, length, header(length));
    Sink sink = new Sink(guest.memory(), BACKEND, 1);
    EventChannel tx = guest.events().allocate(BACKEND, guestLoop, () -> true);
    EventChannel rx = guest.events().allocate(BACKEND, guestLoop, () -> true);
    sources.add(source);
    sinks.add(sink);
    txChannels.add(tx);
    rxChannels.add(rx);
    store.write(front + "/tx-ring-ref", Integer.toString(source.ringRef()));
    store.write(front + "/rx-ring-ref", Integer.toString(sink.ringRef()));
    store.write(front + "/event-channel-tx", Integer.toString(tx.port()));
    store.write(front + "/event-channel-rx", Integer.toString(rx.port()));
    store.write(front + "/request-multicast-control", control ? "1" : "0");
    for (String feature : List.of("request-rx-copy", "feature-rx-notify", "feature-sg")) {
      store.write(front + '/' + feature, "1");
    }
    store.write(front + "/state", XenbusState.CONNECTED.text());
    await(store, back + "/state", XenbusState.CONNECTED);
  }

  /// A datagram to the group, as far as a switch looks at it.
  private static byte[] header(int length) {
    byte[] header = new byte[42];
    System.arraycopy(GROUP, 0, header, 0, 6);
    System.arraycopy(SENDER, 0, header, 6, 6);
    header[12] = 8;
    header[14] = 0x45;
    header[16] = (byte) (length - 14 >> 8);
    header[17] = (byte) (length - 14);
    header[22] = 8;
    header[23] = 17;
    header[26] = 10;
    header[29] = 1;
    header[30] = (byte) 239;
    header[31] = 1;
    header[32] = 1;
    header[33] = 1;
    return header;
  }

  private static void await(XenStore store, String path, XenbusState state)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (XenbusState.parse(store.read(path).orElse("")) != state) {
      if (System.nanoTime() > end) {
        throw new IOException(path + " does not become " + state);
      }
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  /// What every guest has to do once.
  ///
  /// @return whether anybody had anything to do
  boolean round() throws RingViolation {
    boolean worked = false;
    for (int i = 0; i < sinks.size(); i++) {
      Push posted = sinks.get(i).round();
      if (posted == Push.NOTIFY) {
        rxChannels.get(i).notifyPeer();
      }
      worked |= posted != Push.NOTHING;
    }
    Push sent = sources.get(0).round();
    if (sent == Push.NOTIFY) {
      txChannels.get(0).notifyPeer();
    }
    return worked || sent != Push.NOTHING;
  }

  /// Frames that the members have got.
  long copies() {
    return sinks.subList(1, members + 1).stream().mapToLong(Sink::frames).sum();
  }

  /// Frames that the guest outside the group has got.
  long leaked() {
    return sinks.get(members + 1).frames();
  }

  long drops(DropReason reason) {
    return netBackend.statistics().stream()
        .map(VifStatistics::drops)
        .mapToLong(drops -> drops.getOrDefault(reason, 0L))
        .sum();
  }

  /// The thread of the loop that serves the queues.
  Thread backendThread() {
    CompletableFuture<Thread> thread = new CompletableFuture<>();
    queueLoop.execute(() -> thread.complete(Thread.currentThread()));
    return thread.join();
  }

  @Override
  public void close() throws IOException {
    for (GuestDomain guest : guests) {
      guest.close();
    }
    bus.abandon().toCompletableFuture().join();
    backend.close();
    ground.close();
    queueLoop.close();
    busLoop.close();
    guestLoop.close();
    storeWriter.shutdownNow();
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
