package org.netback.adapters.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.netty.NettyLoop;
import org.netback.packet.ArrayLender;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.MacAddress;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.MulticastPolicy;
import org.netback.vswitch.Network;
import org.netback.vswitch.Observation;
import org.netback.vswitch.Observer;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;

/// Taps in namespaces of the test's own, with the kernel's stack behind each.
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class TapPortTest {
  private final NetworkLab lab = new NetworkLab();
  private final List<NettyLoop> loops =
      List.of(NettyLoop.start("tap-test-0"), NettyLoop.start("tap-test-1"));
  private final List<String> faults = new CopyOnWriteArrayList<>();
  private final AtomicBoolean planted = new AtomicBoolean();
  private final Network network =
      new Switch(
              MacLimits.DEFAULT,
              MulticastPolicy.DEFAULT,
              this::clock,
              (owner, fault) -> faults.add(owner + ": " + fault))
          .network("lan");
  private final List<TapPort> ports = new ArrayList<>();
  private final List<Tap> taps = new ArrayList<>();

  @TempDir Path directory;

  @AfterEach
  void close() throws Exception {
    try (lab) {
      for (TapPort port : ports) {
        port.shutDown().get(10, TimeUnit.SECONDS);
      }
      taps.forEach(Tap::close);
      loops.forEach(NettyLoop::close);
    }
  }

  @Test
  void carriesPingsOfBothFamilies() throws Exception {
    String a = station("a", 1, OffloadSet.ALL, 1);
    station("b", 2, OffloadSet.ALL, 1);

    lab.ping(a, "-c", "50", "-i", "0.01", "10.9.0.2");
    lab.ping(a, "-c", "50", "-i", "0.01", "fd09::2");
    lab.ping(a, "-c", "5", "-i", "0.01", "-s", "20000", "10.9.0.2");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void carriesTcpUnsegmentedBothWays(int queues) throws Exception {
    String a = station("a", 1, OffloadSet.ALL, queues);
    String b = station("b", 2, OffloadSet.ALL, queues);

    for (String address : List.of("10.9.0.2", "fd09::2")) {
      iperf(a, b, address, "-P", Integer.toString(queues));
      iperf(a, b, address, "-R");
    }

    for (TapPort port : ports) {
      assertThat(port.tapCounters().readGso()).isPositive();
      assertThat(port.tapCounters().writtenGso()).isPositive();
      assertThat(port.counters().drops())
          .doesNotContainKeys(
              DropReason.DELIVERY_FAILED, DropReason.BAD_OFFLOAD, DropReason.TOO_LONG);
    }
    // Much more octets than frames of an MTU's size could carry.
    TapPort receiver = ports.get(1);
    assertThat(receiver.counters().egressOctets() / receiver.counters().egressFrames())
        .isGreaterThan(1514);
  }

  @ParameterizedTest
  @ValueSource(strings = {"10.9.0.2", "fd09::2"})
  void givesValidChecksumsAndSegmentsToAReceiverThatTakesNoOffloads(String address)
      throws Exception {
    String a = station("a", 1, OffloadSet.ALL, 1);
    String b = station("b", 2, OffloadSet.NONE, 1);
    Path capture = directory.resolve("tcpdump");
    lab.startIn(
        b,
        capture,
        "tcpdump",
        "-i",
        tapName("b"),
        "-n",
        "-vv",
        "-l",
        "-Q",
        "in",
        "-c",
        "300",
        "tcp");
    NetworkLab.await("tcpdump", () -> NetworkLab.contains(capture, "listening on"));

    iperf(a, b, address);
    NetworkLab.await("300 frames", () -> NetworkLab.contains(capture, "300 packets captured"));

    String text = Files.readString(capture);
    assertThat(text).contains("(correct)").doesNotContain("(incorrect");
    assertThat(lengths(text)).isNotEmpty().allMatch(length -> length <= 1460);
    assertThat(ports.get(1).tapCounters().writtenGso()).isZero();
  }

  @Test
  void handsOverNoUnsegmentedFramesIfNotAskedTo() throws Exception {
    String a = lab.namespace("a");
    start(
        address(a, "a", 1, TapOptions.named(tapName("a")).withOffload(TapOffload.CHECKSUM)),
        OffloadSet.ALL);
    String b = station("b", 2, OffloadSet.ALL, 1);

    iperf(a, b, "10.9.0.2");

    assertThat(ports.get(0).tapCounters().readGso()).isZero();
    assertThat(ports.get(1).tapCounters().readGso()).isZero();
  }

  @Test
  void reportsATapDeletedUnderLoadOnceAndServesTheOthers() throws Exception {
    String a = station("a", 1, OffloadSet.ALL, 2);
    String b = station("b", 2, OffloadSet.ALL, 1);
    String c = station("c", 3, OffloadSet.ALL, 1);
    Path output = directory.resolve("ping");
    lab.startIn(c, output, "ping", "-i", "0.002", "10.9.0.1");
    lab.startIn(b, directory.resolve("flood"), "ping", "-f", "10.9.0.1");
    NetworkLab.await("pings", () -> NetworkLab.contains(output, "icmp_seq=20"));

    List<TapPort> gone = new ArrayList<>();
    CompletableFuture<Void> told = ports.get(0).gone().thenAccept(gone::add);
    lab.run("ip", "-n", a, "link", "del", tapName("a"));
    told.get(30, TimeUnit.SECONDS);

    assertThat(gone).containsExactly(ports.get(0));
    lab.ping(b, "-c", "20", "-i", "0.01", "10.9.0.3");
    NetworkLab.await("drops", () -> ports.get(0).counters().drops(DropReason.PORT_DOWN) > 0);
    assertThatThrownBy(() -> ports.get(0).tap().setCarrier(false))
        .hasMessageContaining("the interface has been deleted");
  }

  /// A bug in the switch, met by whoever reads.
  private long clock() {
    if (planted.get()) {
      throw new AssertionError("planted");
    }
    return System.nanoTime();
  }

  @Test
  void readsOnAfterRoundsThatThrewButNotWithoutARest() throws Exception {
    String a = station("a", 1, OffloadSet.ALL, 1);
    station("b", 2, OffloadSet.ALL, 1);
    lab.ping(a, "-c", "2", "-i", "0.01", "10.9.0.2");
    assertThat(faults).isEmpty();

    String fault = "port " + tapName("a") + ": java.lang.AssertionError: planted";
    long start = System.nanoTime();
    planted.set(true);
    lab.start("ip", "netns", "exec", a, "ping", "-f", "-w", "20", "10.9.0.2");
    NetworkLab.await("faults", () -> Collections.frequency(faults, fault) >= 9);
    // None after the first, then 1, 2, 4 … 64 ms.
    assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(127));
    planted.set(false);

    lab.ping(a, "-c", "5", "-i", "0.2", "10.9.0.2");
    assertThat(ports.get(0).counters().drops(DropReason.DELIVERY_FAILED)).isPositive();
    assertThat(ports.get(0).gone()).isNotDone();
  }

  @Test
  void dropsAndCountsWhileTheInterfaceIsDown() throws Exception {
    String a = station("a", 1, OffloadSet.ALL, 1);
    station("b", 2, OffloadSet.ALL, 1);
    lab.ping(a, "-c", "1", "10.9.0.2");

    ports.get(1).tap().setUp(false);
    lab.start("ip", "netns", "exec", a, "ping", "-c", "5", "-i", "0.01", "-W", "1", "10.9.0.2");
    NetworkLab.await("drops", () -> ports.get(1).counters().drops(DropReason.PORT_DOWN) > 0);
    ports.get(1).tap().setUp(true);

    lab.ping(a, "-c", "5", "-i", "0.01", "10.9.0.2");
    assertThat(ports.get(1).gone()).isNotDone();
  }

  @Test
  void showsObserversAllThatPasses() throws Exception {
    Map<String, LongAdder> shown = new ConcurrentHashMap<>();
    Observation observation =
        network.observe(
            new Observer() {
              @Override
              public String name() {
                return "counter";
              }

              @Override
              public int snapLength() {
                return 64;
              }

              @Override
              public void ingress(SwitchPort port, int queue, Frame frame) {
                count(port, "ingress");
              }

              @Override
              public void egress(SwitchPort port, int queue, Frame frame) {
                count(port, "egress");
              }

              @Override
              public void dropped(SwitchPort port, int queue, Frame frame, DropReason reason) {
                count(port, reason.name());
              }

              private void count(SwitchPort port, String what) {
                shown.computeIfAbsent(port.name() + ' ' + what, _ -> new LongAdder()).increment();
              }
            });
    String a = station("a", 1, OffloadSet.ALL, 1);
    String b = station("b", 2, OffloadSet.ALL, 1);
    lab.ping(a, "-c", "20", "-i", "0.01", "10.9.0.2");
    lab.ping(a, "-c", "5", "-i", "0.01", "-s", "20000", "10.9.0.2");
    lab.run("ip", "-n", b, "link", "set", tapName("b"), "down");
    lab.startIn(a, directory.resolve("ping"), words("ping", "-c", "1", "-W", "1", "10.9.0.2"));
    NetworkLab.await("drops", () -> ports.get(1).counters().drops(DropReason.PORT_DOWN) > 0);
    NetworkLab.await(
        "the same counts",
        () -> {
          Map<String, Long> counted = new HashMap<>();
          for (TapPort port : ports) {
            counted.put(port.name() + " ingress", port.counters().ingressFrames());
            counted.put(port.name() + " egress", port.counters().egressFrames());
            port.counters()
                .drops()
                .forEach((reason, drops) -> counted.put(port.name() + ' ' + reason, drops));
          }
          Map<String, Long> seen = new HashMap<>();
          shown.forEach((what, count) -> seen.put(what, count.sum()));
          return seen.equals(counted);
        });
    assertThat(observation.fault()).isEmpty();
  }

  @Test
  void showsTheCarrierToItsPeer() throws Exception {
    String a = lab.namespace("a");
    Tap tap = address(a, "a", 1, TapOptions.named(tapName("a")));

    tap.setCarrier(false);
    assertThat(lab.run("ip", "-n", a, "link", "show", tapName("a"))).contains("NO-CARRIER");
    tap.setCarrier(true);
    assertThat(lab.run("ip", "-n", a, "link", "show", tapName("a"))).contains("LOWER_UP");
  }

  @Test
  void setsMtuAndAddress() throws Exception {
    String a = lab.namespace("a");
    Tap tap =
        open(
            TapOptions.named(tapName("a"))
                .inNamespace(a)
                .withMtu(9000)
                .withMac(MacAddress.parse("02:00:00:00:00:aa")));

    assertThat(lab.run("ip", "-n", a, "link", "show", tapName("a")))
        .contains("mtu 9000", "02:00:00:00:00:aa", ",UP");
    assertThat(tap.mtu()).isEqualTo(9000);
    assertThat(tap.mac()).isEqualTo(MacAddress.parse("02:00:00:00:00:aa"));
    assertThatThrownBy(() -> tap.setMtu(67))
        .isInstanceOf(IOException.class)
        .hasMessage("SIOCSIFMTU " + tapName("a") + " 67: EINVAL, a tap takes 68 to 65521");
    assertThatThrownBy(() -> tap.setMac(MacAddress.parse("01:00:00:00:00:aa")))
        .hasMessageContaining("EADDRNOTAVAIL, not a station's address");
  }

  @Test
  void carriesJumboFrames() throws Exception {
    String a = lab.namespace("a");
    String b = lab.namespace("b");
    start(address(a, "a", 1, TapOptions.named(tapName("a")).withMtu(9000)), OffloadSet.ALL);
    start(address(b, "b", 2, TapOptions.named(tapName("b")).withMtu(9000)), OffloadSet.ALL);

    lab.ping(a, "-c", "5", "-i", "0.01", "-M", "do", "-s", "8972", "10.9.0.2");
  }

  @Test
  void dropsWhatIsLongerThanTheMtuThatTheInterfaceHasNow() throws Exception {
    String a = lab.namespace("a");
    start(address(a, "a", 1, TapOptions.named(tapName("a")).withMtu(9000)), OffloadSet.ALL);
    String b = station("b", 2, OffloadSet.ALL, 1);
    TapPort port = ports.get(1);
    String[] longPing = {"-c", "1", "-M", "do", "-s", "8972", "10.9.0.2"};

    lab.startIn(a, directory.resolve("ping"), words("ping", longPing));
    NetworkLab.await("a drop", () -> port.counters().drops(DropReason.TOO_LONG) > 0);
    lab.ping(a, "-c", "1", "-M", "do", "-s", "1472", "10.9.0.2");

    lab.run("ip", "-n", b, "link", "set", tapName("b"), "mtu", "9000");
    port.followMtu();
    lab.ping(a, longPing);
    long drops = port.counters().drops(DropReason.TOO_LONG);

    lab.run("ip", "-n", b, "link", "set", tapName("b"), "mtu", "1400");
    port.followMtu();
    lab.startIn(a, directory.resolve("ping"), words("ping", longPing));
    NetworkLab.await("a drop", () -> port.counters().drops(DropReason.TOO_LONG) > drops);
  }

  /// The switch hands over whole frames only; whoever else does not still sends nothing that the
  /// frame's memory held before.
  @Test
  void writesTheWholeOfAPartialFrameAndNothingOfATornOne() throws Exception {
    String a = station("a", 1, OffloadSet.ALL, 1);
    Path capture = directory.resolve("tcpdump");
    String link = tapName("a");
    lab.startIn(
        a, capture, "tcpdump", "-i", link, "-n", "-xx", "-l", "-c", "1", "ether", "proto",
        "0x88b5");
    NetworkLab.await("tcpdump", () -> NetworkLab.contains(capture, "listening on"));
    byte[] octets = new byte[1000];
    for (int i = 0; i < octets.length; i++) {
      octets[i] = (byte) (i < 6 ? 0xff : i % 101);
    }
    octets[12] = (byte) 0x88;
    octets[13] = (byte) 0xb5;
    FrameArena arena = new FrameArena(Arena.ofAuto(), 2, 1 << 14);
    ArrayLender lost = new ArrayLender();
    lost.lose();
    FrameBatch batch = new FrameBatch(2);
    batch.add(lost.lend(arena, octets, 128));
    batch.add(new ArrayLender().lend(arena, octets, 128));

    ports.getFirst().transmit(batch);

    NetworkLab.await("the frame", () -> NetworkLab.contains(capture, "1 packet captured"));
    assertThat(Files.readString(capture).replaceAll("0x[0-9a-f]+:|\\s", ""))
        .contains(HexFormat.of().formatHex(octets));
    assertThat(ports.getFirst().counters().egressFrames()).isEqualTo(1);
    assertThat(ports.getFirst().counters().drops())
        .doesNotContainKeys(DropReason.DELIVERY_FAILED, DropReason.BACKLOG_FULL);
  }

  private static String[] words(String first, String... others) {
    List<String> words = new ArrayList<>(List.of(first));
    words.addAll(List.of(others));
    return words.toArray(String[]::new);
  }

  /// What a sender left to the segmenter is in order when a kernel segments it, and sends it on by
  /// another interface. The receiver there takes nothing unsegmented and no blank checksum.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aKernelThatForwardsMakesGoodSegmentsOfAnyFrame(boolean ipv6) throws Exception {
    String b = lab.namespace("b");
    String c = lab.namespace("c");
    start(open(TapOptions.named(tapName("b")).inNamespace(b)), OffloadSet.ALL);
    lab.run("ip", "-n", b, "link", "add", "wire", "type", "veth", "peer", "name", "in", "netns", c);
    lab.run("ip", "-n", b, "link", "add", "br0", "type", "bridge");
    lab.runIn(b, "ethtool", "-K", "wire", "tx", "off");
    for (String link : List.of(tapName("b"), "wire")) {
      lab.run("ip", "-n", b, "link", "set", link, "master", "br0", "up");
    }
    lab.run("ip", "-n", b, "link", "set", "br0", "up");
    lab.run("ip", "-n", c, "link", "set", "in", "up");
    Path capture = directory.resolve("tcpdump");
    lab.startIn(c, capture, "tcpdump", "-i", "in", "-n", "-vv", "-l", "-Q", "in", "-c", "6", "tcp");
    NetworkLab.await("tcpdump", () -> NetworkLab.contains(capture, "listening on"));

    try (Sender sender = new Sender(network)) {
      // The bridge forwards as soon as its ports are up, which the kernel says to nobody.
      NetworkLab.await(
          "6 segments",
          () -> {
            sender.sendTcp(ipv6, 2500, 1000);
            return NetworkLab.contains(capture, "6 packets captured");
          });
    }
    String text = Files.readString(capture);
    assertThat(Pattern.compile("cksum 0x[0-9a-f]+ \\(correct\\)").matcher(text).results().count())
        .isEqualTo(6);
    assertThat(text).doesNotContain("bad cksum").doesNotContain("incorrect");
    assertThat(text).contains("length 1000", "length 500");
  }

  @Test
  void aPersistentTapStaysAndCanBeTakenAgain() throws Exception {
    String a = lab.namespace("a");
    TapOptions options = TapOptions.named(tapName("a")).inNamespace(a).withPersistent(true);
    open(options).close();
    assertThat(lab.run("ip", "-n", a, "link", "show")).contains(tapName("a"));

    Tap again = open(options);
    again.setPersistent(false);
    again.close();
    assertThat(lab.run("ip", "-n", a, "link", "show")).doesNotContain(tapName("a"));
  }

  @Test
  void goesOnWhenTheInterfaceIsMovedAndRenamed() throws Exception {
    String a = station("a", 1, OffloadSet.ALL, 1);
    String b = station("b", 2, OffloadSet.ALL, 1);
    String c = lab.namespace("c");
    lab.run("ip", "-n", a, "link", "set", tapName("a"), "netns", c, "name", "other");
    lab.run("ip", "-n", c, "addr", "add", "10.9.0.3/24", "dev", "other");

    ports.get(0).tap().setUp(true);
    lab.ping(b, "-c", "5", "-i", "0.01", "10.9.0.3");
    ports.get(0).tap().setMtu(1400);
    assertThat(lab.run("ip", "-n", c, "link", "show", "other")).contains("mtu 1400");
  }

  @Test
  void fillsInANameTemplate() throws Exception {
    String a = lab.namespace("a");

    Tap first = open(TapOptions.named("tap%d").inNamespace(a).withQueues(2));
    Tap second = open(TapOptions.named("tap%d").inNamespace(a));

    assertThat(first.name()).isEqualTo("tap0");
    assertThat(first.queues()).hasSize(2);
    assertThat(second.name()).isEqualTo("tap1");
  }

  @Test
  void saysWhatToDoAboutATapThatCannotBeHad() throws Exception {
    String a = lab.namespace("a");
    TapOptions options = TapOptions.named("tapx").inNamespace(a);
    open(options);

    assertThatThrownBy(() -> Tap.open(options))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "TUNSETIFF tapx: EBUSY, another process has it open: stop that, or take another name");
    assertThatThrownBy(() -> Tap.open(options.withQueues(2)))
        .hasMessageContaining("TUNSETIFF tapx: EINVAL, an interface of this name exists");
    assertThatThrownBy(() -> Tap.open(options.inNamespace("no-such-ns")))
        .hasMessage(
            "open /run/netns/no-such-ns: ENOENT, no such network namespace: "
                + "`ip netns add no-such-ns` makes it");
    assertThatThrownBy(() -> TapOptions.named("a-name-of-sixteen"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void leavesNoDescriptorsBehind() throws Exception {
    String a = lab.namespace("a");
    open(TapOptions.named(tapName("a")).inNamespace(a)).close();
    long before = descriptors();

    for (int i = 0; i < 50; i++) {
      TapPort port =
          new TapPort(Tap.open(TapOptions.named(tapName("a")).inNamespace(a).withQueues(2)));
      SwitchPort attached = network.attach(port);
      port.start(attached, loops);
      attached.close();
      port.shutDown().get(10, TimeUnit.SECONDS);
    }

    // Each of the two loops may have opened what it keeps.
    assertThat(descriptors()).isLessThanOrEqualTo(before + 8);
    assertThat(lab.run("ip", "-n", a, "link", "show")).doesNotContain(tapName("a"));
  }

  private static long descriptors() throws IOException {
    try (var list = Files.list(Path.of("/proc/self/fd"))) {
      return list.count();
    }
  }

  private static String tapName(String station) {
    return "tap" + station;
  }

  /// A namespace with a tap that is a port of the switch.
  ///
  /// @return the namespace's name
  private String station(String name, int number, OffloadSet accepts, int queues) throws Exception {
    String namespace = lab.namespace(name);
    start(
        address(namespace, name, number, TapOptions.named(tapName(name)).withQueues(queues)),
        accepts);
    return namespace;
  }

  private Tap address(String namespace, String name, int number, TapOptions options)
      throws Exception {
    // No address of the kernel's choice, and none that is not usable at once.
    lab.runIn(namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
    Tap tap = open(options.inNamespace(namespace));
    lab.run("ip", "-n", namespace, "addr", "add", "10.9.0." + number + "/24", "dev", tapName(name));
    lab.run(
        "ip",
        "-n",
        namespace,
        "addr",
        "add",
        "fd09::" + number + "/64",
        "dev",
        tapName(name),
        "nodad");
    return tap;
  }

  private Tap open(TapOptions options) throws IOException {
    Tap tap = Tap.open(options);
    taps.add(tap);
    return tap;
  }

  private void start(Tap tap, OffloadSet accepts) throws IOException {
    TapPort port = new TapPort(tap, accepts);
    ports.add(port);
    port.start(network.attach(port), loops);
  }

  private void iperf(String client, String server, String address, String... options)
      throws Exception {
    assertThat(lab.iperf(directory, client, server, address, options)).isPositive();
  }

  /// Payload lengths of TCP segments in tcpdump's text.
  private static List<Integer> lengths(String tcpdump) {
    return Pattern.compile("options \\[.*], length (\\d+)")
        .matcher(tcpdump)
        .results()
        .map(r -> Integer.valueOf(r.group(1)))
        .toList();
  }
}
