package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.netback.vswitch.Wire.A;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.IpAddress;
import org.netback.packet.MacAddress;
import org.netback.vswitch.Groups.GroupRecord;
import org.netback.vswitch.MulticastPolicy.Unregistered;
import org.netback.vswitch.MulticastRow.Origin;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IllegalRawDataException;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV6Packet;

/// Where groups' frames go in a network of four ports, of which the first one sends.
class SnoopingTest {
  private static final long GROUP_MAC = 0x0100_5e01_0101L;

  private final AtomicLong clock = Wire.clock();
  private final Switch bridge = new Switch(MacLimits.DEFAULT, clock::get);
  private Network network = bridge.network("lan");
  private final List<RecordingPort> ports = new ArrayList<>();
  private final List<SwitchPort> attached = new ArrayList<>();
  private final List<Wire> wires = new ArrayList<>();

  SnoopingTest() {
    populate();
    settle();
  }

  private void populate() {
    ports.clear();
    attached.clear();
    wires.clear();
    for (int i = 0; i < 4; i++) {
      ports.add(new RecordingPort("p" + i));
      attached.add(network.attach(ports.get(i)));
      wires.add(new Wire(attached.get(i)));
    }
  }

  private void use(MulticastPolicy policy) {
    network = bridge.create("own" + bridge.networks().size(), MacLimits.DEFAULT, policy);
    populate();
    settle();
  }

  private static MulticastPolicy policy(
      boolean querier, boolean fastLeave, Unregistered unregistered, String... routers) {
    return new MulticastPolicy(
        true, querier, fastLeave, unregistered, Duration.ofSeconds(125), 64, 16, List.of(routers));
  }

  /// Second by second, as a daemon does.
  private void pass(long seconds) {
    for (long i = 0; i < seconds; i++) {
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
      bridge.age();
    }
  }

  /// The first queries are asked and would have been answered.
  private void settle() {
    bridge.age();
    pass(3);
    forget();
  }

  private void forget() {
    ports.forEach(RecordingPort::take);
  }

  private void send(int port, byte[] frame) {
    wires.get(port).add(frame);
    wires.get(port).send();
  }

  /// Who gets a frame from the first port.
  private List<Integer> gets(byte[] frame) {
    return gets(0, frame);
  }

  private List<Integer> gets(int from, byte[] frame) {
    forget();
    send(from, frame);
    List<Integer> got = new ArrayList<>();
    for (int i = 0; i < ports.size(); i++) {
      for (RecordingPort.Received received : ports.get(i).take()) {
        assertThat(received.octets()).isEqualTo(frame);
        got.add(i);
      }
    }
    return got;
  }

  private List<Integer> groupGets() {
    return gets(Groups.data("239.1.1.1"));
  }

  @Test
  void membersGetAGroupAndOthersDoNot() {
    assertThat(groupGets()).containsExactly(1, 2, 3);
    send(1, Groups.igmpV3Report(new GroupRecord(Groups.TO_EX, "239.1.1.1")));
    assertThat(groupGets()).containsExactly(1);
    send(3, Groups.igmpV2Report("239.1.1.1"));
    assertThat(groupGets()).containsExactly(1, 3);
    // The same MAC address, another group.
    assertThat(gets(Groups.data("238.1.1.1"))).containsExactly(1, 2, 3);
    assertThat(gets(1, Groups.data("239.1.1.1"))).containsExactly(3);
    // With the two reports, which the switch alone has heard.
    assertThat(network.statistics().multicastFrames()).isEqualTo(3 + 2);
    assertThat(network.groups())
        .extracting(MulticastRow::group, MulticastRow::port, MulticastRow::origin)
        .containsExactly(
            tuple("239.1.1.1", "p1", Origin.IGMP), tuple("239.1.1.1", "p3", Origin.IGMP));
  }

  @Test
  void ipv6GroupsAreTheSame() {
    send(2, Groups.mldV2Report("fe80::2", new GroupRecord(Groups.TO_EX, "ff0e::1234")));
    send(3, Groups.mldV1Report("ff02::fb"));
    assertThat(gets(Groups.data("ff0e::1234"))).containsExactly(2);
    assertThat(gets(Groups.data("ff02::fb"))).containsExactly(3);
    assertThat(gets(Groups.data("ff05::1234"))).containsExactly(1, 2, 3);
    send(3, Groups.mldV1Done("ff02::fb"));
    pass(5);
    assertThat(gets(Groups.data("ff02::fb"))).containsExactly(1, 2, 3);
  }

  @Test
  void groupsOfTheLinkGoToAll() {
    send(1, Groups.igmpV2Report("224.0.0.251"));
    send(1, Groups.mldV1Report("ff02::1"));
    assertThat(gets(Groups.data("224.0.0.251"))).containsExactly(1, 2, 3);
    assertThat(gets(Groups.data("224.0.0.1"))).containsExactly(1, 2, 3);
    assertThat(gets(Groups.data("ff02::1"))).containsExactly(1, 2, 3);
    assertThat(network.groups()).isEmpty();
  }

  @Test
  void reportsGoToRoutersOnly() {
    byte[] report = Groups.igmpV3Report(new GroupRecord(Groups.TO_EX, "239.1.1.1"));
    byte[] mld = Groups.mldV2Report("fe80::2", new GroupRecord(Groups.TO_EX, "ff0e::1"));
    assertThat(gets(1, report)).isEmpty();
    assertThat(ports.get(1).counters().drops()).isEmpty();
    send(3, Groups.igmpQuery("10.0.0.3", "224.0.0.1", "0.0.0.0", 100));
    assertThat(gets(1, report)).containsExactly(3);
    assertThat(gets(1, mld)).isEmpty();
    send(2, Groups.mldQuery("fe80::9", "ff02::1", "::", 1000));
    assertThat(gets(1, mld)).containsExactly(2);
    // And routers get all groups.
    assertThat(groupGets()).containsExactly(1, 3);
    assertThat(gets(Groups.data("ff0e::1"))).containsExactly(1, 2);
  }

  @Test
  void pimMakesARouterPortThatAges() {
    send(1, Groups.igmpV2Report("239.1.1.1"));
    send(2, Groups.ipv4("10.0.0.2", "224.0.0.13", 103, new byte[] {0x20, 0, 0, 0}));
    assertThat(groupGets()).containsExactly(1, 2);
    assertThat(network.groups())
        .extracting(MulticastRow::port, MulticastRow::origin)
        .contains(tuple("p2", Origin.ROUTER_IPV4));
    for (int i = 0; i < 3; i++) {
      pass(100);
      send(1, Groups.igmpV2Report("239.1.1.1"));
    }
    assertThat(groupGets()).containsExactly(1);
  }

  @Test
  void routersOfIpv6AgeToo() {
    send(1, Groups.mldV1Report("ff0e::1"));
    send(2, Groups.mldQuery("fe80::9", "ff02::1", "::", 1000));
    assertThat(gets(Groups.data("ff0e::1"))).containsExactly(1, 2);
    for (int i = 0; i < 3; i++) {
      pass(100);
      send(1, Groups.mldV1Report("ff0e::1"));
    }
    assertThat(gets(Groups.data("ff0e::1"))).containsExactly(1);
  }

  @Test
  void membershipsAgeUnlessTheyAreRepeated() {
    send(1, Groups.igmpV2Report("239.1.1.1"));
    send(2, Groups.igmpV2Report("239.1.1.1"));
    pass(200);
    send(2, Groups.igmpV2Report("239.1.1.1"));
    assertThat(groupGets()).containsExactly(1, 2);
    pass(61);
    assertThat(groupGets()).containsExactly(2);
    pass(260);
    assertThat(network.groups()).isEmpty();
    assertThat(network.multicastStatistics().aged()).isEqualTo(2);
  }

  @Test
  void whoLeavesIsAskedWhetherSomebodyIsLeft() throws IllegalRawDataException {
    send(1, Groups.igmpV2Report("239.1.1.1"));
    send(2, Groups.igmpV2Report("239.1.1.1"));
    send(1, Groups.igmpV2Leave("239.1.1.1"));
    assertThat(groupGets()).containsExactly(1, 2);
    pass(1);
    byte[] query = ports.get(1).take().getLast().octets();
    IpV4Packet packet = EthernetPacket.newPacket(query, 0, query.length).get(IpV4Packet.class);
    assertThat(packet.getHeader().getDstAddr().getHostAddress()).isEqualTo("239.1.1.1");
    assertThat(ports.get(2).take()).isEmpty();
    // Another host behind that port.
    send(1, Groups.igmpV2Report("239.1.1.1"));
    pass(10);
    assertThat(groupGets()).containsExactly(1, 2);
    send(1, Groups.igmpV3Report(new GroupRecord(Groups.TO_IN, "239.1.1.1")));
    pass(4);
    assertThat(groupGets()).containsExactly(2);
  }

  /// The memory of a query had another one before.
  @Test
  void theQueriesForAGroupNameIt() {
    for (String last : List.of("1", "2")) {
      String ipv4 = "239.1.1." + last;
      send(1, Groups.igmpV2Report(ipv4));
      send(1, Groups.igmpV2Leave(ipv4));
      pass(1);
      byte[] igmp = ports.get(1).take().getLast().octets();
      byte[] message = Arrays.copyOfRange(igmp, 38, igmp.length);
      assertThat(Groups.sum(0, message)).isEqualTo(0xffff);
      assertThat(Arrays.copyOfRange(message, 4, 8)).isEqualTo(Groups.address(ipv4));

      String ipv6 = "ff3e:1:2:3:4:5:6:" + last;
      send(1, Groups.mldV1Report(ipv6));
      send(1, Groups.mldV1Done(ipv6));
      pass(1);
      byte[] mld = ports.get(1).take().getLast().octets();
      assertThat(Arrays.copyOfRange(mld, 38, 54)).isEqualTo(Groups.address(ipv6));
      assertThat(Arrays.copyOfRange(mld, 70, 86)).isEqualTo(Groups.address(ipv6));
      byte[] covered = Arrays.copyOfRange(mld, 22, mld.length);
      Arrays.fill(covered, 32, 40, (byte) 0);
      assertThat(Groups.sum(28 + 58, covered)).isEqualTo(0xffff);
    }
  }

  @Test
  void fastLeaveAsksNobody() {
    use(policy(true, true, Unregistered.FLOOD));
    send(1, Groups.igmpV2Report("239.1.1.1"));
    send(2, Groups.igmpV2Report("239.1.1.1"));
    send(1, Groups.igmpV2Leave("239.1.1.1"));
    assertThat(groupGets()).containsExactly(2);
  }

  @Test
  void unregisteredGroupsMayGoToRoutersOnly() {
    use(policy(true, false, Unregistered.ROUTERS));
    assertThat(groupGets()).isEmpty();
    assertThat(ports.get(0).counters().drops()).containsEntry(DropReason.NO_LISTENER, 1L);
    send(2, Groups.igmpQuery("10.0.0.3", "224.0.0.1", "0.0.0.0", 100));
    assertThat(groupGets()).containsExactly(2);
    assertThat(gets(Groups.data("224.0.0.5"))).containsExactly(1, 2, 3);
  }

  /// RFC 4861 7.2.1: a host joins its solicited-node group, but does not always report that.
  @Test
  void neighbourDiscoveryMayBeExceptedFromThat() {
    use(policy(true, false, Unregistered.ROUTERS_AND_ND));
    for (String group : List.of("ff02::1:ff00:0", "ff02::1:ff12:3456", "ff02::1:ffff:ffff")) {
      assertThat(gets(Groups.data(group))).containsExactly(1, 2, 3);
    }
    for (String group :
        List.of("ff02::1:fe00:1", "ff02::1:0:1", "ff02::2:ff00:1", "ff05::1:ff00:1", "ff0e::1")) {
      assertThat(gets(Groups.data(group))).isEmpty();
    }
    assertThat(groupGets()).isEmpty();
    // Somebody has joined: the others are not disturbed.
    send(2, Groups.mldV1Report("ff02::1:ff12:3456"));
    assertThat(gets(Groups.data("ff02::1:ff12:3456"))).containsExactly(2);
    assertThat(gets(Groups.data("ff02::1:ff12:3457"))).containsExactly(1, 2, 3);

    use(policy(true, false, Unregistered.ROUTERS));
    assertThat(gets(Groups.data("ff02::1:ff12:3456"))).isEmpty();
  }

  @Test
  void withoutAnyQuerierNothingIsFiltered() {
    use(policy(false, false, Unregistered.FLOOD));
    send(1, Groups.igmpV2Report("239.1.1.1"));
    assertThat(groupGets()).containsExactly(1, 2, 3);
    send(3, Groups.igmpQuery("10.0.0.3", "224.0.0.1", "0.0.0.0", 10));
    pass(3);
    assertThat(groupGets()).containsExactly(1, 3);
    pass(256);
    assertThat(groupGets()).containsExactly(1, 2, 3);
  }

  @Test
  void withoutSnoopingAllGetsThrough() {
    use(MulticastPolicy.FLOOD);
    send(1, Groups.igmpV2Report("239.1.1.1"));
    assertThat(groupGets()).containsExactly(1, 2, 3);
    byte[] malformed = Groups.igmpV2Report("239.1.1.1");
    malformed[41]++;
    assertThat(gets(malformed)).containsExactly(1, 2, 3);
    pass(200);
    assertThat(ports.get(1).take()).isEmpty();
  }

  @Test
  void routerPortsMayBeTheOperatorsChoice() {
    use(policy(true, false, Unregistered.FLOOD, "p3"));
    pass(1);
    send(1, Groups.igmpV2Report("239.1.1.1"));
    assertThat(groupGets()).containsExactly(1, 3);
    // A guest that claims to be one.
    assertThat(gets(2, Groups.igmpQuery("10.0.0.1", "224.0.0.1", "0.0.0.0", 100))).isEmpty();
    assertThat(ports.get(2).counters().drops()).containsEntry(DropReason.QUERY_REFUSED, 1L);
    assertThat(groupGets()).containsExactly(1, 3);
    assertThat(network.queriers()).containsExactly("self", "self");
    send(3, Groups.igmpQuery("10.0.0.1", "224.0.0.1", "0.0.0.0", 100));
    assertThat(network.queriers()).containsExactly("10.0.0.1", "self");
  }

  @Test
  void malformedMessagesGoNowhereAndCountForNothing() {
    byte[] report = Groups.igmpV2Report("239.1.1.1");
    report[41]++;
    assertThat(gets(1, report)).isEmpty();
    assertThat(network.groups()).isEmpty();
    assertThat(ports.get(1).counters().drops())
        .containsEntry(DropReason.BAD_MEMBERSHIP_MESSAGE, 1L);
    assertThat(network.multicastStatistics().malformed()).isEqualTo(1);
  }

  @Test
  void aNewPortGetsEverythingUntilItsHostsHaveAnswered() {
    send(1, Groups.igmpV2Report("239.1.1.1"));
    RecordingPort late = new RecordingPort("late");
    SwitchPort port = network.attach(late);
    ports.add(late);
    attached.add(port);
    wires.add(new Wire(port));
    assertThat(groupGets()).containsExactly(1, 4);
    late.take();
    pass(1);
    assertThat(late.take()).hasSize(2); // IGMP and MLD
    assertThat(groupGets()).containsExactly(1, 4);
    pass(2);
    assertThat(groupGets()).containsExactly(1);
  }

  @ParameterizedTest
  @ValueSource(longs = {0x0180_c200_0000L, 0x0180_c200_0001L, 0x0180_c200_000eL, 0x0180_c200_000fL})
  void addressesOfBridgesAreNotForwarded(long reserved) {
    wires.get(0).send(A, reserved);
    assertThat(ports.get(1).take()).isEmpty();
    assertThat(ports.get(0).counters().drops()).containsEntry(DropReason.RESERVED_GROUP, 1L);
    wires.get(0).send(A, 0x0180_c200_0010L);
    assertThat(ports.get(1).take()).hasSize(1);
  }

  @Test
  void aPortsOwnListDecidesForIt() {
    MulticastFilter filter = attached.get(1).multicastFilter();
    send(2, Groups.igmpV2Report("239.1.1.1"));
    send(1, Groups.igmpV2Report("239.2.2.2"));
    // Not applied, it is one more membership.
    assertThat(filter.add(GROUP_MAC)).isTrue();
    assertThat(groupGets()).containsExactly(1, 2);
    assertThat(gets(Groups.data("239.2.2.2"))).containsExactly(1);
    // Applied, it is the only one; the other ports' are as before.
    filter.apply(true);
    assertThat(groupGets()).containsExactly(1, 2);
    assertThat(gets(Groups.data("239.2.2.2"))).isEmpty();
    assertThat(gets(Groups.data("224.0.0.251"))).containsExactly(2, 3);
    filter.remove(GROUP_MAC);
    assertThat(groupGets()).containsExactly(2);
    assertThat(network.groups())
        .extracting(MulticastRow::group, MulticastRow::port)
        .containsExactly(tuple("239.1.1.1", "p2"), tuple("239.2.2.2", "p1"));
    forget();
    wires.get(0).send(A, MacAddress.BROADCAST);
    assertThat(ports.get(1).take()).hasSize(1);
  }

  @Test
  void membershipsGoWithTheirPort() {
    send(1, Groups.igmpV2Report("239.1.1.1"));
    send(2, Groups.igmpV2Report("239.1.1.1"));
    attached.get(1).close();
    assertThat(network.groups()).hasSize(1);
    send(1, Groups.igmpV2Report("239.1.1.1"));
    assertThat(network.groups()).hasSize(1);
    // Its index goes to another one, its memberships do not.
    RecordingPort heir = new RecordingPort("heir");
    SwitchPort port = network.attach(heir);
    assertThat(port.index()).isEqualTo(attached.get(1).index());
    pass(4);
    heir.take();
    send(0, Groups.data("239.1.1.1"));
    assertThat(heir.take()).isEmpty();
    attached.get(2).flush();
    assertThat(network.groups()).extracting(MulticastRow::origin).containsExactly(Origin.SETTLING);
  }

  @Test
  void theQueriesAreWhatTheStandardsSay() throws IllegalRawDataException {
    pass(130);
    List<RecordingPort.Received> received = ports.get(0).take();
    assertThat(received).isNotEmpty();
    boolean igmp = false;
    boolean mld = false;
    for (RecordingPort.Received query : received) {
      byte[] octets = query.octets();
      EthernetPacket packet = EthernetPacket.newPacket(octets, 0, octets.length);
      IpV4Packet ipv4 = packet.get(IpV4Packet.class);
      if (ipv4 != null) {
        igmp = true;
        assertThat(ipv4.getHeader().hasValidChecksum(false)).isTrue();
        assertThat(ipv4.getHeader().getTtlAsInt()).isEqualTo(1);
        assertThat(ipv4.getHeader().getIhlAsInt()).isEqualTo(6);
        assertThat(ipv4.getHeader().getSrcAddr().getHostAddress()).isEqualTo("0.0.0.0");
        assertThat(ipv4.getHeader().getDstAddr().getHostAddress()).isEqualTo("224.0.0.1");
        assertThat(ipv4.getHeader().getOptions()).singleElement().asString().contains("Router");
        // IGMPv3, 10 s to answer, robustness 2, every 125 s.
        assertThat(ipv4.getPayload().getRawData())
            .startsWith(0x11, 100)
            .endsWith(0, 0, 0, 0, 2, 125, 0, 0);
        assertThat(packet.getHeader().getDstAddr()).hasToString("01:00:5e:00:00:01");
      } else {
        mld = true;
        IpV6Packet ipv6 = packet.get(IpV6Packet.class);
        assertThat(ipv6.getHeader().getHopLimitAsInt()).isEqualTo(1);
        assertThat(ipv6.getHeader().getSrcAddr().isLinkLocalAddress()).isTrue();
        assertThat(ipv6.getHeader().getDstAddr().getHostAddress()).isEqualTo("ff02:0:0:0:0:0:0:1");
        assertThat(ipv6.getHeader().getNextHeader().value()).isEqualTo((byte) 0);
        // Router alert, as RFC 2711 has it for MLD; then MLDv2.
        assertThat(Arrays.copyOfRange(octets, 54, 62)).containsExactly(58, 0, 5, 2, 0, 0, 1, 0);
        assertThat(octets[62]).isEqualTo((byte) 130);
        assertThat(octets).hasSize(62 + 28);
        // Over the pseudo header, whose length and next header are added.
        byte[] covered = Arrays.copyOfRange(octets, 22, octets.length);
        Arrays.fill(covered, 32, 40, (byte) 0);
        assertThat(Groups.sum(28 + 58, covered)).isEqualTo(0xffff);
        assertThat(packet.getHeader().getDstAddr()).hasToString("33:33:00:00:00:01");
      }
      // And our own judge agrees.
      Wire wire = wires.get(1);
      long before = network.multicastStatistics().malformed();
      wire.add(octets);
      wire.send();
      assertThat(network.multicastStatistics().malformed()).isEqualTo(before);
    }
    assertThat(igmp).isTrue();
    assertThat(mld).isTrue();
  }

  @Test
  void keepsQuietWhileARouterAsks() {
    pass(100);
    send(3, Groups.igmpV3Query("10.0.0.1", "224.0.0.1", "0.0.0.0", 100));
    send(3, Groups.mldQuery("fe80::9", "ff02::1", "::", 1000));
    forget();
    assertThat(network.queriers()).containsExactly("10.0.0.1", "fe80::9");
    pass(250);
    assertThat(ports.get(1).take()).isEmpty();
    pass(10);
    assertThat(ports.get(1).take()).hasSize(2);
    assertThat(network.queriers()).containsExactly("self", "self");
    // A switch, which has no address, is no router.
    send(2, Groups.igmpV3Query("0.0.0.0", "224.0.0.1", "0.0.0.0", 100));
    assertThat(network.queriers()).containsExactly("self", "self");
  }

  @Test
  void aRoutersQuestionForAGroupShortensItsMemberships() {
    send(1, Groups.igmpV2Report("239.1.1.1"));
    send(2, Groups.igmpV2Report("239.1.1.1"));
    send(3, Groups.igmpQuery("10.0.0.1", "224.0.0.1", "0.0.0.0", 100));
    send(3, Groups.igmpV3Query("10.0.0.1", "239.1.1.1", "239.1.1.1", 10));
    send(2, Groups.igmpV2Report("239.1.1.1"));
    pass(3);
    assertThat(groupGets()).containsExactly(2, 3);
  }

  @Test
  void codesOfTimesAreThoseOfTheStandard() {
    assertThat(Querier.igmpCode(100)).isEqualTo(100);
    for (int value : new int[] {128, 136, 1000, 3600, 31744}) {
      int code = Querier.igmpCode(value);
      assertThat((code & 0xf | 0x10) << (code >>> 4 & 7) + 3).isBetween(value - value / 16, value);
    }
    assertThat(Querier.igmpCode(1 << 20)).isEqualTo(0xff);
  }

  @Test
  void writesAddressesAsPeopleDo() {
    assertThat(IpAddress.ipv6(0xff02_0000_0000_0000L, 0xfb)).isEqualTo("ff02::fb");
    assertThat(IpAddress.ipv6(0xff0e_0000_0000_0001L, 0x0001_0000_0000_0000L))
        .isEqualTo("ff0e:0:0:1:1::");
    assertThat(IpAddress.ipv6(0xff02_0000_0000_0000L, 0)).isEqualTo("ff02::");
    assertThat(IpAddress.ipv6(0xff0e_0001_0002_0003L, 0x0004_0000_0006_0007L))
        .isEqualTo("ff0e:1:2:3:4:0:6:7");
  }
}
