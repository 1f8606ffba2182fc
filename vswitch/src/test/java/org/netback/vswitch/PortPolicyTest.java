package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.netback.vswitch.Wire.A;
import static org.netback.vswitch.Wire.B;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.netback.packet.ArrayLender;
import org.netback.packet.MacAddress;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.PortPolicy.Router;

/// What is said of a port alone, and changed while it is in use.
class PortPolicyTest {
  private final AtomicLong clock = Wire.clock();
  private final Switch bridge = new Switch(MacLimits.DEFAULT, clock::get);
  private final Network network = bridge.network("lan");
  private final RecordingPort p1 = new RecordingPort("p1");
  private final RecordingPort p2 = new RecordingPort("p2", OffloadSet.ALL, true);
  private final PortPolicy usual = network.usualPolicy("p1");

  private void seconds(int seconds) {
    for (int i = 0; i < seconds; i++) {
      bridge.age();
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
    }
  }

  @Test
  void isTheNetworksUnlessSomethingElseIsSaid() {
    assertThat(usual)
        .isEqualTo(
            new PortPolicy(
                MacLimits.DEFAULT.addressesPerPort(),
                MulticastPolicy.DEFAULT.membershipsPerPort(),
                Router.IF_HEARD));
    assertThat(network.attach(p1).policy()).isEqualTo(usual);
    PortPolicy other = usual.withAddresses(1).withMemberships(2).withRouter(Router.NEVER);
    assertThat(network.attach(p2, other).policy()).isEqualTo(new PortPolicy(1, 2, Router.NEVER));
    MulticastPolicy d = MulticastPolicy.DEFAULT;
    Network routed =
        bridge.create(
            "routed",
            MacLimits.DEFAULT,
            new MulticastPolicy(
                true, true, false, d.unregistered(), d.queryInterval(), 9, 3, List.of("uplink")));
    assertThat(routed.usualPolicy("uplink").router()).isEqualTo(Router.ALWAYS);
    assertThat(routed.usualPolicy("p1")).isEqualTo(new PortPolicy(1024, 3, Router.NEVER));
    assertThatThrownBy(() -> usual.withAddresses(-1)).hasMessage("addresses: -1 < 0");
    assertThatThrownBy(() -> usual.withMemberships(-1)).hasMessage("memberships: -1 < 0");
  }

  @Test
  void boundsTheAddressesOfOnePort() {
    SwitchPort port = network.attach(p1, usual.withAddresses(2));
    SwitchPort other = network.attach(p2);
    for (SwitchPort each : List.of(port, other)) {
      Wire wire = new Wire(each);
      for (int i = 1; i <= 4; i++) {
        wire.add((each == port ? 0x100 : 0x200) + i, MacAddress.BROADCAST);
      }
      wire.send();
    }
    assertThat(port.statistics().addresses()).isEqualTo(2);
    assertThat(port.statistics().learnRefusals()).isEqualTo(2);
    assertThat(other.statistics().addresses()).isEqualTo(4);

    port.apply(usual.withAddresses(3));
    Wire wire = new Wire(port);
    wire.add(0x103, MacAddress.BROADCAST);
    wire.add(0x104, MacAddress.BROADCAST);
    wire.send();
    assertThat(port.statistics().addresses()).isEqualTo(3);

    // What is there stays.
    port.apply(usual.withAddresses(0));
    wire.send(0x104, MacAddress.BROADCAST);
    assertThat(port.statistics().addresses()).isEqualTo(3);
  }

  @Test
  void boundsTheGroupsOfOnePort() {
    SwitchPort port = network.attach(p1, usual.withMemberships(1));
    network.attach(p2);
    Wire wire = new Wire(port);
    wire.add(Groups.igmpV2Report("239.1.1.1"));
    wire.add(Groups.igmpV2Report("239.1.1.2"));
    wire.send();
    assertThat(network.multicastStatistics().memberships()).isEqualTo(1);
    port.apply(usual);
    wire.add(Groups.igmpV2Report("239.1.1.2"));
    wire.send();
    assertThat(network.multicastStatistics().memberships()).isEqualTo(2);
  }

  @Test
  void saysWhetherRoutersAreBehindAPort() {
    SwitchPort port = network.attach(p1, usual.withRouter(Router.NEVER));
    network.attach(p2);
    Wire wire = new Wire(port);
    byte[] query = Groups.igmpQuery("10.0.0.3", "224.0.0.1", "0.0.0.0", 100);
    wire.add(query);
    wire.send();
    assertThat(p1.counters().drops()).isEqualTo(Map.of(DropReason.QUERY_REFUSED, 1L));
    assertThat(origins()).doesNotContain(MulticastRow.Origin.ROUTER_IPV4);

    port.apply(usual);
    wire.add(query);
    wire.send();
    assertThat(origins()).contains(MulticastRow.Origin.ROUTER_IPV4);

    port.apply(usual.withRouter(Router.ALWAYS));
    seconds(600);
    assertThat(origins())
        .contains(MulticastRow.Origin.ROUTER_IPV4, MulticastRow.Origin.ROUTER_IPV6);
    port.apply(usual.withRouter(Router.NEVER));
    seconds(600);
    assertThat(origins()).isEmpty();
  }

  private List<MulticastRow.Origin> origins() {
    return network.groups().stream().map(MulticastRow::origin).toList();
  }

  /// What stands between loses frames; the others arrive as without it, their rest unread.
  @Test
  void letsAPortStandInFrontOfAnother() {
    Wire wire = new Wire(network.attach(p1));
    SwitchPort s2 = network.attach(p2);
    network.addStatic(new MacAddress(B), s2);
    Witness witness = new Witness(14);
    Observation _ = bridge.observePort("p2", witness);
    s2.wrap(port -> new LossyPort(port, 2));
    ArrayLender lender = new ArrayLender();
    int[] pulledBefore = {-1};
    p2.whenTransmitting(() -> pulledBefore[0] = lender.pulls());
    for (int length = 1000; length < 1004; length++) {
      byte[] octets = new byte[length];
      for (int i = 0; i < 6; i++) {
        octets[i] = (byte) (B >> 40 - 8 * i);
        octets[6 + i] = (byte) (A >> 40 - 8 * i);
      }
      wire.add(octets, 64, lender);
    }
    wire.send();
    assertThat(pulledBefore[0]).isZero();
    assertThat(p2.take()).extracting(r -> r.octets().length).containsExactly(1001, 1003);
    assertThat(s2.statistics().egressFrames()).isEqualTo(2);
    assertThat(s2.statistics().drops()).isEqualTo(Map.of(DropReason.DELIVERY_FAILED, 2L));
    assertThat(witness.take())
        .extracting(Witness.Seen::point, Witness.Seen::length)
        .containsExactlyInAnyOrder(
            tuple("dropped", 1000),
            tuple("egress", 1001),
            tuple("dropped", 1002),
            tuple("egress", 1003));

    // Another one in front of both.
    s2.wrap(port -> new LossyPort(port, 3));
    wire.add(A, B, 99);
    wire.add(A, B, 100);
    wire.add(A, B, 101);
    wire.send();
    assertThat(p2.take()).extracting(r -> r.octets().length).containsExactly(101);
    assertThatThrownBy(() -> s2.wrap(_ -> p1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("p1 is not p2 wrapped");
    wire.send(A, B);
    assertThat(s2.statistics().drops()).isEqualTo(Map.of(DropReason.DELIVERY_FAILED, 5L));
  }
}
