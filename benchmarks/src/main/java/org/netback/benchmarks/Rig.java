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
import org.netback.packet.MacAddress;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Network;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.frontends.CtrlFront;
import org.netback.xen.ground.Backend;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.netty.NettyLoop;
import org.netback.xen.store.XenStore;

/// A whole backend as the daemon composes it, on an embedded ground, with a sending and a receiving
/// guest: one loop for all queues, the guests' halves of the rings in the hands of the caller's
/// thread.
final class Rig implements AutoCloseable {
  private static final int BACKEND = 0;
  private static final long PATIENCE_MILLIS = 10_000;
  private static final String NETWORK = "bench";
  private static final MacAddress RECEIVER_ADDRESS = MacAddress.parse("00:16:3e:00:00:02");
  private static final byte[] RECEIVER = HexFormat.of().parseHex("00163e000002");
  private static final byte[] SENDER = HexFormat.of().parseHex("00163e000001");

  private final Path run;
  private final EmbeddedGround ground;
  private final Backend backend;
  private final Switch vswitch = new Switch(MacLimits.DEFAULT, System::nanoTime);
  private final NettyLoop queueLoop = NettyLoop.start("queues");
  private final NettyLoop busLoop = NettyLoop.start("bus");
  private final NettyLoop guestLoop = NettyLoop.start("guests");
  private final ExecutorService storeWriter = Executors.newSingleThreadExecutor();
  private final BackendBus bus;
  private final NetBackend netBackend;
  private final GuestDomain sender;
  private final GuestDomain receiver;
  private final List<Source> sources = new ArrayList<>();
  private final List<Sink> sinks = new ArrayList<>();
  private final List<EventChannel> txChannels = new ArrayList<>();
  private final List<EventChannel> rxChannels = new ArrayList<>();

  /// @param grants how the backend comes by the guests' pages
  /// @param wake called on a loop of the guests' own when the backend notifies one of them
  Rig(int length, int queues, Grants grants, Runnable wake)
      throws IOException, InterruptedException {
    run = Files.createTempDirectory("netback-bench");
    ground = EmbeddedGround.open(run);
    backend = ground.backend();
    netBackend =
        new NetBackend(
            vswitch,
            NetworkPolicy.OPEN,
            backend.grants(),
            backend.events(),
            List.of(queueLoop),
            queues,
            storeWriter);
    bus = new BackendBus(backend.store(), busLoop, BACKEND, Map.of(NetBackend.TYPE, netBackend));
    bus.start();
    sender = ground.createDomain(GuestSpec.of("sender", NETWORK));
    receiver = ground.createDomain(GuestSpec.of("receiver", NETWORK));
    List<Sink> unusedSinks = new ArrayList<>();
    List<Source> unusedSources = new ArrayList<>();
    List<EventChannel> unused = new ArrayList<>();
    connect(receiver, queues, length, grants, wake, sinks, unusedSources, unused, rxChannels);
    connect(sender, queues, length, grants, wake, unusedSinks, sources, txChannels, unused);
    teach();
  }

  private void connect(
      GuestDomain guest,
      int queues,
      int length,
      Grants grants,
      Runnable wake,
      List<Sink> rx,
      List<Source> tx,
      List<EventChannel> txEvents,
      List<EventChannel> rxEvents)
      throws IOException, InterruptedException {
    XenStore store = guest.store();
    String front = guest.frontendPath(0);
    String back = store.read(front + "/backend").orElseThrow();
    await(store, back + "/state", XenbusState.INIT_WAIT);
    if (queues > 1) {
      store.write(front + "/multi-queue-num-queues", Integer.toString(queues));
    }
    for (int i = 0; i < queues; i++) {
      Source source = new Source(guest.memory(), BACKEND, i, length, header(length, i));
      Sink sink = new Sink(guest.memory(), BACKEND, queues);
      EventChannel txEvent = channel(guest, wake);
      EventChannel rxEvent = channel(guest, wake);
      tx.add(source);
      rx.add(sink);
      txEvents.add(txEvent);
      rxEvents.add(rxEvent);
      String prefix = queues == 1 ? front + '/' : front + "/queue-" + i + '/';
      store.write(prefix + "tx-ring-ref", Integer.toString(source.ringRef()));
      store.write(prefix + "rx-ring-ref", Integer.toString(sink.ringRef()));
      store.write(prefix + "event-channel-tx", Integer.toString(txEvent.port()));
      store.write(prefix + "event-channel-rx", Integer.toString(rxEvent.port()));
    }
    for (String feature :
        List.of(
            "request-rx-copy",
            "feature-rx-notify",
            "feature-sg",
            "feature-gso-tcpv4",
            "feature-gso-tcpv6",
            "feature-ipv6-csum-offload")) {
      store.write(front + '/' + feature, "1");
    }
    CtrlFront ctrl = CtrlFront.open(guest.memory(), guest.events(), BACKEND, guestLoop);
    store.write(front + "/ctrl-ring-ref", Integer.toUnsignedString(ctrl.ringRef()));
    store.write(front + "/event-channel-ctrl", Integer.toString(ctrl.port()));
    store.write(front + "/state", XenbusState.CONNECTED.text());
    await(store, back + "/state", XenbusState.CONNECTED);
    for (int i = 0; i < queues && grants == Grants.MAPPED; i++) {
      List<GrefEntry> pages = new ArrayList<>(tx.get(i).pages());
      pages.addAll(rx.get(i).pages());
      int status = ctrl.addGrefs(i, pages).join().status();
      if (status != CtrlResponse.STATUS_SUCCESS) {
        throw new IOException("pages of queue " + i + " not mapped: status " + status);
      }
    }
  }

  /// How the backend comes by what lies in the guests' pages.
  enum Grants {
    /// One grant copy per slot.
    COPIED,
    /// Mapped for good when the guests connect.
    MAPPED
  }

  private EventChannel channel(GuestDomain guest, Runnable wake) throws IOException {
    return guest
        .events()
        .allocate(
            BACKEND,
            guestLoop,
            () -> {
              wake.run();
              return true;
            });
  }

  /// Enters the receiver's address as a frame of its own would, so that none is flooded to it.
  private void teach() {
    String port = new DeviceId(NetBackend.TYPE, receiver.domid(), 0).toString();
    Network network = vswitch.network(NETWORK);
    for (SwitchPort attached : network.ports()) {
      if (attached.name().equals(port)) {
        network.addStatic(RECEIVER_ADDRESS, attached);
      }
    }
  }

  private static byte[] header(int length, int flow) {
    byte[] header = new byte[54];
    System.arraycopy(RECEIVER, 0, header, 0, 6);
    System.arraycopy(SENDER, 0, header, 6, 6);
    if (length <= 4096) {
      header[12] = (byte) 0x88;
      header[13] = (byte) 0xb5;
      header[14] = (byte) flow;
      return header;
    }
    // IPv4 and TCP, as far as a GSO frame that stays whole needs them.
    header[12] = 8;
    header[14] = 0x45;
    header[16] = (byte) (length - 14 >> 8);
    header[17] = (byte) (length - 14);
    header[22] = 64;
    header[23] = 6;
    header[26] = 10;
    header[29] = 1;
    header[30] = 10;
    header[33] = 2;
    header[35] = (byte) flow;
    header[37] = 80;
    header[46] = 0x50;
    return header;
  }

  private static void await(XenStore store, String path, XenbusState state)
      throws IOException, InterruptedException {
    CompletableFuture<Void> reached = new CompletableFuture<>();
    try (XenStore.Watch _ =
        store.watch(
            path,
            _ -> {
              try {
                if (XenbusState.parse(store.read(path).orElse("")) == state) {
                  reached.complete(null);
                }
              } catch (IOException e) {
                reached.completeExceptionally(e);
              }
            })) {
      reached.orTimeout(PATIENCE_MILLIS, TimeUnit.MILLISECONDS).join();
    }
  }

  Source source(int queue) {
    return sources.get(queue);
  }

  Sink sink(int queue) {
    return sinks.get(queue);
  }

  /// The sending guest's doorbell.
  EventChannel txChannel(int queue) {
    return txChannels.get(queue);
  }

  /// The receiving guest's doorbell.
  EventChannel rxChannel(int queue) {
    return rxChannels.get(queue);
  }

  /// The thread of the loop that serves the queues.
  Thread backendThread() {
    CompletableFuture<Thread> thread = new CompletableFuture<>();
    queueLoop.execute(() -> thread.complete(Thread.currentThread()));
    return thread.join();
  }

  VifStatistics sending() {
    return netBackend.statistics(new DeviceId(NetBackend.TYPE, sender.domid(), 0)).orElseThrow();
  }

  VifStatistics receiving() {
    return netBackend.statistics(new DeviceId(NetBackend.TYPE, receiver.domid(), 0)).orElseThrow();
  }

  @Override
  public void close() throws IOException {
    sender.close();
    receiver.close();
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
