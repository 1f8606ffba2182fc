package org.netback.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
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
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.netif.NetBackend;
import org.netback.netif.NetworkPolicy;
import org.netback.netif.VifStatistics;
import org.netback.packet.MacAddress;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Switch;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.GuestSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventHandler;
import org.netback.xen.frontends.CtrlFront;
import org.netback.xen.frontends.Netfront;
import org.netback.xen.frontends.NetfrontOptions;
import org.netback.xen.frontends.NetfrontQueue;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.InterposedGrantTable;
import org.netback.xen.ground.Backend;
import org.netback.xen.ground.Guests;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;

/// Kernel stacks in namespaces, joined by nothing but tap, ring, backend, switch, backend, ring and
/// tap. All processes in one, so that what is tested is the way of the frames.
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class TapBridgeTest {
  private final NetworkLab lab = new NetworkLab();
  private final List<NettyLoop> loops =
      List.of(NettyLoop.start("backend-0"), NettyLoop.start("backend-1"));
  private final List<String> records = new CopyOnWriteArrayList<>();
  private final InternalErrors guestErrors =
      new InternalErrors(
          System::nanoTime, report -> records.add(report.owner() + ": " + report.error()));
  private final List<NettyLoop> guestLoops =
      List.of(
          NettyLoop.start("guest-0", 0, guestErrors), NettyLoop.start("guest-1", 0, guestErrors));
  private final NettyLoop busLoop = NettyLoop.start("bus");
  private final NettyLoop control = NettyLoop.start("control");
  private final ExecutorService storeWriter = Executors.newSingleThreadExecutor();
  private final Switch vswitch = new Switch(MacLimits.DEFAULT, System::nanoTime);
  private final AtomicLong grantCopies = new AtomicLong();
  private final AtomicBoolean notificationsThrow = new AtomicBoolean();
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
      assertThat(records).isEmpty();
    }
  }

  private EmbeddedGround ground;
  private Backend backend;
  private final List<BackendBus> bus = new ArrayList<>();
  private final List<NetBackend> vifs = new ArrayList<>();

  private void startBus() throws IOException {
    NetBackend made =
        new NetBackend(
            vswitch,
            NetworkPolicy.OPEN,
            new Guests(
                counted(backend.guests().grants()),
                backend.guests().events(),
                backend.guests().foreign()),
            List.copyOf(loops),
            4,
            storeWriter);
    vifs.add(made);
    BackendBus busOfIt =
        new BackendBus(backend.store(), busLoop, backend.domid(), List.of(made.deviceClass()));
    busOfIt.start();
    bus.add(busOfIt);
  }

  @Test
  void losesNoPing() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    guest("b", 2, NetfrontOptions.LINUX);

    lab.pingWithoutLoss(a.namespace, 1000, "-i", "0.002", "10.9.0.2");
    lab.pingWithoutLoss(a.namespace, 200, "-i", "0.002", "fd09::2");
    lab.pingWithoutLoss(a.namespace, 20, "-i", "0.01", "-s", "30000", "fd09::2");
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

    assertThat(a.bridge.statistics().fromTapRefused()).isZero();
    // The kernel goes on to say something now and then: both figures are of one moment only if the
    // one has not changed while the other was read.
    NetworkLab.await(
        "all frames to be in the ring",
        () -> {
          long fromTap = a.bridge.statistics().fromTap();
          long intoRing = a.netfront.queues().getFirst().counters().txFrames();
          return intoRing == fromTap && a.bridge.statistics().fromTap() == fromTap;
        });
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
    lab.pingWithoutLoss(a.namespace, 50, "-i", "0.01", "10.9.0.2");
  }

  @Test
  void servesManyQueuesWithOneChannelEach() throws Exception {
    NetfrontOptions options = NetfrontOptions.LINUX.withQueues(4).withSplitEventChannels(false);
    Guest a = guest("a", 1, options);
    Guest b = guest("b", 2, options);

    iperf(a, b, "10.9.0.2", "-P", "8");
    iperf(a, b, "fd09::2", "-R", "-P", "8");
    lab.pingWithoutLoss(a.namespace, 50, "-i", "0.01", "10.9.0.2");
  }

  /// Streams whose source ports are chosen so that they belong in one queue or the other.
  @Test
  void steersStreamsIntoTheQueuesThatTheGuestWants() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    Guest b = guest("b", 2, NetfrontOptions.LINUX.withQueues(2).withControlRing(true));
    CtrlFront ctrl = b.netfront.control().orElseThrow();
    hash(ctrl);
    // No port twice: the connection before it may still linger.
    int port = 40_000;
    for (int[] mapping : new int[][] {{0, 1}, {1, 0}, {1, 1, 0, 0, 1, 0, 1}}) {
      done(ctrl.setHashMappingSize(mapping.length));
      done(ctrl.setHashMapping(0, mapping));
      for (int queue : new int[] {0, 1}) {
        port = portFor(queue, port + 1, mapping);
        long before = rxOctets(b, queue);
        long other = rxOctets(b, 1 - queue);
        double rate =
            iperf(a, b, "10.9.0.2", "--cport", Integer.toString(port), "-b", "50M", "-t", "1");
        // A second's octets, less a little; the other queue has iperf's own talk at most.
        assertThat(rxOctets(b, queue) - before).isGreaterThan((long) (0.8 * rate * 1e6 / 8));
        assertThat(rxOctets(b, 1 - queue) - other).isLessThan(100_000);
      }
    }
    assertThat(rxHashed(b)).isPositive();
  }

  /// A stream changes queues whenever the table does, and nothing of it is lost or sent twice.
  @Test
  void movesARunningStreamWithoutLoss() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    Guest b = guest("b", 2, NetfrontOptions.LINUX.withQueues(2).withControlRing(true));
    CtrlFront ctrl = b.netfront.control().orElseThrow();
    hash(ctrl);
    done(ctrl.setHashMappingSize(1));
    Path output = directory.resolve("ping");
    Process ping =
        lab.startIn(a.namespace, output, NetworkLab.pings(1500, "-i", "0.002", "10.9.0.2"));
    Thread stream =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    iperf(a, b, "10.9.0.2", "-b", "20M", "-t", "4");
                  } catch (Exception e) {
                    throw new IllegalStateException(e);
                  }
                });
    int moves = 0;
    while (stream.isAlive()) {
      int queue = moves & 1;
      done(ctrl.setHashMapping(0, queue));
      long other = rxOctets(b, 1 - queue);
      long before = rxOctets(b, queue);
      NetworkLab.await(
          "frames in queue " + queue,
          () -> rxOctets(b, queue) - before > 100_000 || !stream.isAlive());
      // What was under way when the table changed.
      assertThat(rxOctets(b, 1 - queue) - other).isLessThan(500_000);
      moves++;
    }
    stream.join();
    ping.waitFor();
    assertThat(moves).isGreaterThan(10);
    NetworkLab.assertNoneLost(Files.readString(output), 1500);
    assertThat(vif(b).drops())
        .doesNotContainKeys(
            DropReason.BACKLOG_FULL,
            DropReason.BACKLOG_EXPIRED,
            DropReason.STALLED,
            DropReason.DELIVERY_FAILED,
            DropReason.PORT_DOWN);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void carriesTcpThroughPagesThatAreMappedForGood(int queues) throws Exception {
    NetfrontOptions options = NetfrontOptions.LINUX.withQueues(queues).withStaticGrants(true);
    Guest a = guest("a", 1, options);
    Guest b = guest("b", 2, options);
    for (Guest guest : guests) {
      // Answered after all that the netfront has asked for.
      done(guest.netfront.control().orElseThrow().grefMappingSize(0));
    }
    long before = grantCopies.get();

    iperf(a, b, "10.9.0.2", "-P", "4");
    iperf(a, b, "fd09::2", "-R");
    lab.pingWithoutLoss(a.namespace, 50, "-i", "0.01", "10.9.0.2");

    assertThat(vif(a).queues().stream().mapToLong(q -> q.tx().mappedCopies()).sum())
        .isGreaterThan(1000);
    assertThat(vif(b).queues().stream().mapToLong(q -> q.rx().mappedCopies()).sum())
        .isGreaterThan(1000);
    assertThat(grantCopies).hasValue(before);
  }

  /// Counts the copies that the backend asks its ground for.
  private GrantTable counted(GrantTable grants) {
    return new InterposedGrantTable(grants, grantCopies::incrementAndGet);
  }

  private VifStatistics vif(Guest guest) {
    return vifs.getLast()
        .statistics(new DeviceId(NetBackend.TYPE, guest.domain.domid(), 0))
        .orElseThrow();
  }

  private static long rxOctets(Guest guest, int queue) {
    return guest.netfront.queues().get(queue).counters().rxOctets();
  }

  private static long rxHashed(Guest guest) {
    return guest.netfront.queues().stream().mapToLong(q -> q.counters().rxHashed()).sum();
  }

  private static final byte[] KEY =
      HexFormat.of()
          .parseHex(
              "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa");

  private static void hash(CtrlFront ctrl) throws Exception {
    done(ctrl.setHashAlgorithm(CtrlRequest.HASH_ALGORITHM_TOEPLITZ));
    done(ctrl.setHashKey(KEY));
    done(ctrl.setHashFlags(15));
  }

  private static void done(CompletableFuture<CtrlResponse> answer) throws Exception {
    assertThat(answer.get(10, TimeUnit.SECONDS).status()).isEqualTo(CtrlResponse.STATUS_SUCCESS);
  }

  /// A source port of a stream from 10.9.0.1 to 10.9.0.2, port 5201, by the definition of the hash.
  private static int portFor(int queue, int from, int... mapping) {
    for (int port = from; ; port++) {
      byte[] buffer = {
        10, 9, 0, 1, 10, 9, 0, 2, (byte) (port >> 8), (byte) port, 5201 >> 8, (byte) 5201
      };
      int hash = 0;
      for (int bit = 0; bit < 96; bit++) {
        if ((buffer[bit / 8] >> 7 - bit % 8 & 1) != 0) {
          hash ^= new BigInteger(1, KEY).shiftRight(288 - bit).intValue();
        }
      }
      if (mapping[Integer.remainderUnsigned(hash, mapping.length)] == queue) {
        return port;
      }
    }
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

  @Test
  void whatEscapesOnTheWayIntoTheRingEndsTheBridgeAndIsRecorded() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);

    notificationsThrow.set(true);
    Process _ =
        lab.start("ip", "netns", "exec", a.namespace, "ping", "-c", "1", "-W", "1", "10.9.0.2");

    assertThat(a.bridge.gone())
        .failsWithin(30, TimeUnit.SECONDS)
        .withThrowableThat()
        .havingCause()
        .isInstanceOf(StackOverflowError.class);
    notificationsThrow.set(false);
    NetworkLab.await("a record", () -> !records.isEmpty());
    assertThat(records).containsExactly("guest-0, tap eth0: java.lang.StackOverflowError: planted");
    records.clear();
  }

  @Test
  void whatEscapesOnTheWayOutOfTheRingEndsTheBridgeAndIsThrownOn() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    NetfrontQueue queue = a.netfront.queues().getFirst();

    guestLoops
        .getFirst()
        .execute(() -> a.bridge.received(queue, MemorySegment.NULL, 0, 100, false, false, 0, 0));

    assertThat(a.bridge.gone())
        .failsWithin(30, TimeUnit.SECONDS)
        .withThrowableThat()
        .havingCause()
        .isInstanceOf(IndexOutOfBoundsException.class);
    NetworkLab.await("a record", () -> !records.isEmpty());
    assertThat(records)
        .containsExactly("guest-0: java.lang.IndexOutOfBoundsException: 100 octets at 0 of 0");
    records.clear();
  }

  /// As under a netfront, which then waits for the next ground.
  @Test
  void aDomainThatWasDestroyedUnderItsGuestDoesNotEndTheBridge() throws Exception {
    Guest a = guest("a", 1, NetfrontOptions.LINUX);
    NetfrontQueue queue = a.netfront.queues().getFirst();
    MemorySegment memory;
    try (Arena arena = Arena.ofShared()) {
      memory = arena.allocate(4096);
    }

    guestLoops
        .getFirst()
        .execute(() -> a.bridge.received(queue, memory, 2048, 100, false, false, 0, 0));

    NetworkLab.await("a record", () -> !records.isEmpty());
    assertThat(records).containsExactly("guest-0: java.lang.IllegalStateException: Already closed");
    assertThat(a.bridge.gone()).isNotDone();
    records.clear();
  }

  /// Whose notifications throw while that is wanted.
  private EventChannels throwing(EventChannels events) {
    return new EventChannels() {
      @Override
      public EventChannel bind(
          int remoteDomid, int remotePort, EventLoop loop, EventHandler handler)
          throws IOException {
        return throwing(events.bind(remoteDomid, remotePort, loop, handler));
      }

      @Override
      public EventChannel allocate(int remoteDomid, EventLoop loop, EventHandler handler)
          throws IOException {
        return throwing(events.allocate(remoteDomid, loop, handler));
      }
    };
  }

  private EventChannel throwing(EventChannel channel) {
    return new EventChannel() {
      @Override
      public int port() {
        return channel.port();
      }

      @Override
      public void notifyPeer() {
        if (notificationsThrow.get()) {
          throw new StackOverflowError("planted");
        }
        channel.notifyPeer();
      }

      @Override
      public void close() {
        channel.close();
      }
    };
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
            domain.frontendPath("vif", 0),
            domain.memory(),
            throwing(domain.events()),
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

  private double iperf(Guest client, Guest server, String address, String... options)
      throws Exception {
    return lab.iperf(directory, client.namespace, server.namespace, address, options);
  }
}
