package org.netback.daemon.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.adapters.tap.NetworkLab;
import org.netback.adapters.tap.Tap;
import org.netback.adapters.tap.TapOptions;
import org.netback.netif.NetBackend;
import org.netback.netif.NetworkPolicy;
import org.netback.packet.MacAddress;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Switch;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.GuestSpec;
import org.netback.xen.frontends.Netfront;
import org.netback.xen.frontends.NetfrontOptions;
import org.netback.xen.ground.Backend;
import org.netback.xen.netty.NettyLoop;

/// Kernel stacks in namespaces, joined by nothing but tap, ring, backend, switch, backend, ring and
/// tap. All processes in one, so that what is tested is the way of the frames.
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class TapBridgeTest {
  private final NetworkLab lab = new NetworkLab();
  private final List<NettyLoop> loops =
      List.of(NettyLoop.start("backend-0"), NettyLoop.start("backend-1"));
  private final List<NettyLoop> guestLoops =
      List.of(NettyLoop.start("guest-0"), NettyLoop.start("guest-1"));
  private final NettyLoop busLoop = NettyLoop.start("bus");
  private final NettyLoop control = NettyLoop.start("control");
  private final ExecutorService storeWriter = Executors.newSingleThreadExecutor();
  private final Switch vswitch = new Switch(MacLimits.DEFAULT, System::nanoTime);
  private final List<Guest> guests = new ArrayList<>();
  private final List<AutoCloseable> open = new ArrayList<>();

  @TempDir Path directory;

  private record Guest(String namespace, GuestDomain domain, Netfront netfront, TapBridge bridge) {}

  @BeforeEach
  void openGround() throws IOException {
    ground = EmbeddedGround.open(directory.resolve("g"));
    open.add(ground);
    backend = ground.backend();
    open.add(backend);
    startBus();
  }

  @AfterEach
  void close() throws Exception {
    try (lab) {
      for (Guest guest : guests) {
        guest.netfront.abandon().get(10, TimeUnit.SECONDS);
        guest.bridge.shutDown().get(10, TimeUnit.SECONDS);
        guest.domain.close();
      }
      bus.getLast().abandon().toCompletableFuture().get(10, TimeUnit.SECONDS);
      for (AutoCloseable part : open.reversed()) {
        part.close();
      }
      storeWriter.shutdownNow();
      loops.forEach(NettyLoop::close);
      guestLoops.forEach(NettyLoop::close);
      busLoop.close();
      control.close();
    }
  }

  private EmbeddedGround ground;
  private Backend backend;
  private final List<BackendBus> bus = new ArrayList<>();

  private void startBus() throws IOException {
    NetBackend vifs =
        new NetBackend(
            vswitch,
            NetworkPolicy.OPEN,
            backend.grants(),
            backend.events(),
            List.copyOf(loops),
            4,
            storeWriter);
    BackendBus made = new BackendBus(backend.store(), busLoop, 0, Map.of(NetBackend.TYPE, vifs));
    made.start();
    bus.add(made);
  }

  @Test
  void losesNoPing() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    guest("b", 2, NetfrontOptions.LINUX);

    assertThat(lab.runIn(a.namespace, "ping", "-q", "-c", "1000", "-i", "0.002", "10.9.0.2"))
        .contains(" 0% packet loss");
    assertThat(lab.runIn(a.namespace, "ping", "-q", "-c", "200", "-i", "0.002", "fd09::2"))
        .contains(" 0% packet loss");
    assertThat(
            lab.runIn(
                a.namespace, "ping", "-q", "-c", "20", "-i", "0.01", "-s", "30000", "fd09::2"))
        .contains(" 0% packet loss");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void carriesTcpUnsegmentedBothWays(int queues) throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX.withQueues(queues));
    Guest b = guest("b", 2, NetfrontOptions.LINUX.withQueues(queues));

    for (String address : List.of("10.9.0.2", "fd09::2")) {
      iperf(a, b, address, "-P", "4");
      iperf(a, b, address, "-R");
    }

    for (Guest guest : guests) {
      TapBridgeStatistics statistics = guest.bridge.statistics();
      assertThat(statistics.fromTapGso()).isPositive();
      assertThat(statistics.toTapGso()).isPositive();
      assertThat(statistics.fromTapRefused()).isZero();
      assertThat(statistics.toTapRefused()).isZero();
    }
  }

  @Test
  void losesNothingOfAFloodOnTheWayIntoTheRing() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    Guest b = guest("b", 2, NetfrontOptions.LINUX);

    iperf(a, b, "10.9.0.2", "-u", "-b", "0", "-l", "64");

    TapBridgeStatistics statistics = a.bridge.statistics();
    assertThat(statistics.fromTapRefused()).isZero();
    System.out.println("flood: " + statistics + ' ' + b.bridge.statistics());
    assertThat(a.netfront.queues().getFirst().counters().txFrames())
        .isEqualTo(statistics.fromTap());
    assertThat(a.netfront.queues().getFirst().counters().txErrors()).isZero();
  }

  @Test
  void givesAGuestWithoutGsoFramesOfItsMtuOnly() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    Guest b = guest("b", 2, NetfrontOptions.LINUX.withGso(false, false));

    iperf(a, b, "10.9.0.2");
    iperf(a, b, "fd09::2", "-R");

    assertThat(a.bridge.statistics().fromTapGso()).isPositive();
    assertThat(b.bridge.statistics().toTapGso()).isZero();
    assertThat(b.bridge.statistics().fromTapGso()).isZero();
    assertThat(b.netfront.queues().getFirst().counters().rxMultiSlot()).isZero();
  }

  @Test
  void giveTheOneWithoutAnyOffloadsPlainFrames() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    Guest b =
        guest(
            "b",
            2,
            NetfrontOptions.LINUX
                .withScatterGather(false)
                .withGso(false, false)
                .withChecksum(false, false)
                .withSplitEventChannels(false)
                .withPersistentGrants(false));

    iperf(a, b, "10.9.0.2");
    iperf(a, b, "fd09::2", "-R");
    assertThat(lab.runIn(a.namespace, "ping", "-q", "-c", "50", "-i", "0.01", "10.9.0.2"))
        .contains(" 0% packet loss");
  }

  @Test
  void reconnectsWhenTheBackendHasClosedAndIsBack() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX.withQueues(2));
    guest("b", 2, NetfrontOptions.LINUX);
    bus.getLast()
        .close(TimeUnit.SECONDS.toNanos(5))
        .toCompletableFuture()
        .get(10, TimeUnit.SECONDS);
    assertThat(lab.run("ip", "-n", a.namespace, "link", "show", "eth0")).contains("NO-CARRIER");

    startBus();
    for (Guest guest : guests) {
      awaitCarrier(guest);
    }
    NetworkLab.await(
        "a ping",
        () -> {
          Process ping =
              lab.start(
                  "ip", "netns", "exec", a.namespace, "ping", "-c", "1", "-W", "1", "10.9.0.2");
          return ping.waitFor() == 0;
        });
  }

  @Test
  void reportsATapThatIsDeleted() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);

    lab.run("ip", "-n", a.namespace, "link", "del", "eth0");

    assertThat(a.bridge.gone().get(10, TimeUnit.SECONDS)).isSameAs(a.bridge);
  }

  private Guest guest(String name, int number, NetfrontOptions options) throws Exception {
    String namespace = lab.namespace(name);
    GuestDomain domain = ground.createDomain(GuestSpec.of(name, "lan"));
    Tap tap =
        Tap.open(
            TapOptions.named("eth0")
                .inNamespace(namespace)
                .withQueues(options.queues())
                .withMac(new MacAddress(0x0200_0000_0000L + number)));
    TapBridge bridge = new TapBridge(tap, guestLoops);
    Netfront netfront =
        new Netfront(
            domain.frontendPath(0),
            domain.memory(),
            domain.events(),
            domain.store(),
            control,
            guestLoops,
            options,
            bridge,
            bridge);
    bridge.start(netfront.queues());
    Guest guest = new Guest(namespace, domain, netfront, bridge);
    guests.add(guest);
    lab.run("ip", "-n", namespace, "addr", "add", "10.9.0." + number + "/24", "dev", "eth0");
    lab.run(
        "ip", "-n", namespace, "addr", "add", "fd09::" + number + "/64", "dev", "eth0", "nodad");
    netfront.start();
    awaitCarrier(guest);
    return guest;
  }

  private void awaitCarrier(Guest guest) throws Exception {
    NetworkLab.await(
        "the carrier of " + guest.namespace,
        () -> lab.run("ip", "-n", guest.namespace, "link", "show", "eth0").contains("LOWER_UP"));
  }

  private void iperf(Guest client, Guest server, String address, String... options)
      throws Exception {
    System.out.println(
        "iperf3 "
            + address
            + ' '
            + String.join(" ", options)
            + ": "
            + lab.iperf(directory, client.namespace, server.namespace, address, options)
            + " Mbit/s");
  }
}
