package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.netback.vswitch.Wire.A;
import static org.netback.vswitch.Wire.B;
import static org.netback.vswitch.Wire.C;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.netback.packet.FrameBatch;
import org.netback.packet.MacAddress;
import org.netback.packet.OffloadSet;

class SwitchTest {
  private final AtomicLong clock = Wire.clock();
  private final List<String> faults = new ArrayList<>();
  private final Switch bridge =
      new Switch(
          MacLimits.DEFAULT,
          MulticastPolicy.DEFAULT,
          clock::get,
          (owner, fault) -> faults.add(owner + ": " + fault));
  private final Network network = bridge.network("lan");
  private final RecordingPort p1 = new RecordingPort("p1");
  private final RecordingPort p2 = new RecordingPort("p2");
  private final RecordingPort p3 = new RecordingPort("p3");
  private final SwitchPort s1 = network.attach(p1);
  private final SwitchPort s2 = network.attach(p2);
  private final SwitchPort s3 = network.attach(p3);
  private final Wire w1 = new Wire(s1);
  private final Wire w2 = new Wire(s2);
  private final Wire w3 = new Wire(s3);

  private void pass(long seconds) {
    clock.addAndGet(TimeUnit.SECONDS.toNanos(seconds));
  }

  private List<Integer> counts() {
    return List.of(p1.take().size(), p2.take().size(), p3.take().size());
  }

  @Test
  void floodsWhatItDoesNotKnowToAllButTheSender() {
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 1);
    w1.send(A, MacAddress.BROADCAST);
    assertThat(counts()).containsExactly(0, 1, 1);
    w1.send(A, MacAddress.parse("01:00:5e:00:00:fb").value());
    assertThat(counts()).containsExactly(0, 1, 1);
    assertThat(network.statistics().floodedFrames()).isEqualTo(3);
  }

  @Test
  void sendsToWhereAStationWasSeen() {
    w2.send(B, A);
    counts();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 0);
    w2.send(B, A);
    assertThat(counts()).containsExactly(1, 0, 0);
    assertThat(network.statistics().unicastFrames()).isEqualTo(2);
    assertThat(network.addresses())
        .containsExactly(
            new FdbRow(new MacAddress(A), "p1", 0, false),
            new FdbRow(new MacAddress(B), "p2", 0, false));
  }

  @Test
  void aNameIsReservedUntilItIsGivenBack() throws PortNameTakenException {
    PortName name = bridge.reserve("up0", "tap up0");
    assertThatThrownBy(() -> bridge.reserve("up0", "vif4.0"))
        .isInstanceOf(PortNameTakenException.class)
        .hasMessageContaining("up0")
        .hasMessageContaining("tap up0");
    name.close();
    PortName next = bridge.reserve("up0", "vif4.0");
    // The first holder closes once more: the name is the second's.
    name.close();
    assertThatThrownBy(() -> bridge.reserve("up0", "vif5.0")).hasMessageContaining("vif4.0");
    next.close();
  }

  @Test
  void learnsFromTheFirstFrameOfARoundForTheSecond() {
    w1.add(A, B);
    w1.add(B, A);
    w1.send();
    // The second one's destination is behind the port that it came from.
    assertThat(counts()).containsExactly(0, 1, 1);
    assertThat(p1.counters().drops()).isEqualTo(Map.of(DropReason.SAME_PORT, 1L));
  }

  @Test
  void keepsTheOctetsAndTheOrder() {
    w2.send(B, A);
    counts();
    for (int i = 0; i < 200; i++) {
      w1.add(A, B, 60 + i).putU16(14, i);
    }
    w1.send();
    List<RecordingPort.Received> received = p2.take();
    assertThat(received).hasSize(200);
    for (int i = 0; i < 200; i++) {
      assertThat(received.get(i).octets())
          .hasSize(60 + i)
          .contains(i & 0xff, org.assertj.core.data.Index.atIndex(15));
    }
    assertThat(p2.counters().egressOctets()).isEqualTo(200 * 60 + 199 * 100);
  }

  @Test
  void handsOverOneBatchPerPortAndRound() {
    w2.send(B, A);
    w3.send(C, A);
    counts();
    for (int i = 0; i < 20; i++) {
      w1.add(A, i % 2 == 0 ? B : C);
    }
    w1.send();
    assertThat(p2.batches()).isEqualTo(1);
    assertThat(p3.batches()).isEqualTo(1);
    assertThat(counts()).containsExactly(0, 10, 10);
  }

  @Test
  void dropsSourcesThatNoStationHas() {
    w1.send(MacAddress.BROADCAST, B);
    w1.send(0, B);
    w1.send(MacAddress.parse("01:00:00:00:00:01").value(), B);
    assertThat(counts()).containsExactly(0, 0, 0);
    assertThat(p1.counters().drops()).isEqualTo(Map.of(DropReason.SOURCE_INVALID, 3L));
    assertThat(network.addresses()).isEmpty();
  }

  @Test
  void floodsToTheZeroAddress() {
    w1.send(A, 0);
    assertThat(counts()).containsExactly(0, 1, 1);
  }

  @Test
  void dropsFramesWithoutAnEthernetHeader() {
    w1.add(A, B, 13);
    w1.add(A, B, 0);
    w1.add(A, B, 14);
    w1.send();
    assertThat(counts()).containsExactly(0, 1, 1);
    assertThat(p1.counters().drops()).isEqualTo(Map.of(DropReason.TOO_SHORT, 2L));
    assertThat(p1.counters().ingressFrames()).isEqualTo(3);
  }

  @Test
  void forgetsAStationThatWasNotSeenForItsAge() {
    w2.send(B, A);
    pass(300);
    clock.decrementAndGet();
    w1.send(A, B);
    assertThat(counts()).describedAs("just in time").containsExactly(1, 1, 1);
    clock.incrementAndGet();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 1);
    assertThat(network.addresses()).extracting(FdbRow::port).containsExactly("p1");
    bridge.age();
    assertThat(network.statistics().aged()).isEqualTo(1);
    assertThat(network.statistics().addresses()).isEqualTo(1);
    assertThat(s2.statistics().addresses()).isZero();
  }

  @Test
  void keepsAStationThatIsSeenAgain() {
    for (int i = 0; i < 10; i++) {
      w2.send(B, A);
      pass(299);
    }
    counts();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 0);
    assertThat(network.statistics().learned()).isEqualTo(2);
    assertThat(network.addresses().get(1).ageSeconds()).isEqualTo(299);
    bridge.age();
    assertThat(network.statistics().aged()).isZero();
  }

  @Test
  void learnsAStationAnewAfterItWasForgotten() {
    w2.send(B, A);
    pass(301);
    w2.send(B, A);
    counts();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 0);
    assertThat(network.statistics().learned()).isEqualTo(3);
    assertThat(network.statistics().aged()).isEqualTo(1);
  }

  @Test
  void followsAStationThatMoves() {
    w2.send(B, A);
    w3.send(B, A);
    counts();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 0, 1);
    assertThat(network.statistics().moved()).isEqualTo(1);
    assertThat(s3.statistics().moves()).isEqualTo(1);
    assertThat(s2.statistics().addresses()).isZero();
    assertThat(s3.statistics().addresses()).isEqualTo(1);
  }

  @Test
  void aStationThatIsDisputedStaysPutForTheRestOfTheSecond() {
    for (int i = 0; i < 100; i++) {
      w2.send(B, A);
      w3.send(B, A);
    }
    assertThat(network.statistics().moved()).isEqualTo(MacTable.MAX_MOVES);
    assertThat(network.statistics().refused()).isPositive();
    pass(1);
    String before = network.addresses().getFirst().port();
    (before.equals("p2") ? w3 : w2).send(B, A);
    assertThat(network.addresses().getFirst().port()).isNotEqualTo(before);
  }

  @Test
  void staticEntriesNeitherMoveNorAge() {
    network.addStatic(new MacAddress(B), s2);
    w3.send(B, A);
    pass(1_000_000);
    bridge.age();
    counts();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 0);
    assertThat(network.addresses()).contains(new FdbRow(new MacAddress(B), "p2", 0, true));
    s2.flush();
    assertThat(network.statistics().addresses()).isEqualTo(2);
    assertThat(network.forget(new MacAddress(B))).isTrue();
    assertThat(network.forget(new MacAddress(B))).isFalse();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 1);
  }

  @Test
  void aStaticEntryReplacesWhatWasLearned() {
    w2.send(B, A);
    network.addStatic(new MacAddress(B), s3);
    network.addStatic(new MacAddress(B), s3);
    counts();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 0, 1);
    s3.close();
    assertThat(network.addresses()).extracting(FdbRow::port).containsExactly("p1");
  }

  @Test
  void refusesStaticEntriesThatMakeNoSense() {
    Network other = bridge.network("other");
    assertThatThrownBy(() -> other.addStatic(new MacAddress(A), s1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("lan");
    assertThatThrownBy(() -> network.addStatic(new MacAddress(MacAddress.BROADCAST), s1))
        .isInstanceOf(IllegalArgumentException.class);
    s1.close();
    assertThatThrownBy(() -> network.addStatic(new MacAddress(A), s1))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void flushesWhatWasLearnedAtOnePort() {
    w2.send(B, A);
    w3.send(C, A);
    s2.flush();
    counts();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 1);
    w1.send(A, C);
    assertThat(counts()).containsExactly(0, 0, 1);
  }

  @Test
  void networksKnowNothingOfEachOther() {
    RecordingPort q1 = new RecordingPort("q1");
    RecordingPort q2 = new RecordingPort("q2");
    Network other = bridge.network("other");
    Wire v1 = new Wire(other.attach(q1));
    other.attach(q2);
    w2.send(B, MacAddress.BROADCAST);
    assertThat(q1.take()).isEmpty();
    counts();
    v1.send(A, B);
    assertThat(counts()).containsExactly(0, 0, 0);
    assertThat(q2.take()).hasSize(1);
    assertThat(other.addresses()).hasSize(1);
    assertThat(network.addresses()).extracting(FdbRow::port).containsExactly("p2");
    assertThat(bridge.networks()).containsExactly(network, other);
    assertThat(bridge.ports()).hasSize(5);
  }

  @Test
  void listsPortsByNameAndNotInTheOrderInWhichTheyCame() {
    Network other = bridge.network("dmz");
    for (String name : List.of("vif10.0", "vif2.0", "up0", "vif2.0-emu", "vif2.1")) {
      other.attach(new RecordingPort(name));
    }
    assertThat(bridge.ports())
        .extracting(SwitchPort::name)
        .containsExactly("up0", "vif2.0", "vif2.0-emu", "vif2.1", "vif10.0", "p1", "p2", "p3");
  }

  @Test
  void createsANetworkOnceAndFindsIt() {
    assertThat(bridge.network("lan")).isSameAs(network);
    assertThat(bridge.find("nowhere")).isEmpty();
    Network small = bridge.create("small", new MacLimits(10, 2, Duration.ofSeconds(5)));
    assertThat(bridge.find("small")).contains(small);
    assertThatThrownBy(() -> bridge.create("small", MacLimits.DEFAULT))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aPortThatIsClosedIsForgottenAtOnce() {
    w2.send(B, A);
    counts();
    s2.close();
    s2.close();
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 0, 1);
    assertThat(network.addresses()).extracting(FdbRow::port).containsExactly("p1");
    assertThat(network.ports()).containsExactly(s1, s3);
    w2.send(B, A);
    assertThat(counts()).containsExactly(0, 0, 0);
    assertThat(p2.counters().drops()).isEqualTo(Map.of(DropReason.PORT_DOWN, 1L));
    assertThat(network.addresses()).describedAs("not learned again").hasSize(1);
    SwitchPort again = network.attach(p2);
    assertThat(again.index()).isEqualTo(s2.index());
    w1.send(A, B);
    assertThat(counts()).containsExactly(0, 1, 1);
  }

  @Test
  void refusesTwoPortsOfOneName() {
    assertThatThrownBy(() -> network.attach(new RecordingPort("p1")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("p1");
  }

  @Test
  void countsWhatHasNowhereToGo() {
    s2.close();
    s3.close();
    w1.send(A, B);
    w1.send(A, MacAddress.BROADCAST);
    assertThat(p1.counters().drops()).isEqualTo(Map.of(DropReason.NO_EGRESS, 2L));
    assertThat(network.statistics().discardedFrames()).isEqualTo(2);
  }

  @Test
  void reachesMorePortsThanAreCollectedAtATime() {
    List<RecordingPort> more = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      RecordingPort port = new RecordingPort("more" + i);
      more.add(port);
      network.attach(port);
    }
    for (int i = 0; i < 5; i++) {
      w1.add(A, MacAddress.BROADCAST).putU8(14, i);
    }
    w1.send();
    assertThat(more)
        .allSatisfy(
            port ->
                assertThat(port.take())
                    .extracting(r -> r.octets()[14])
                    .containsExactly((byte) 0, (byte) 1, (byte) 2, (byte) 3, (byte) 4));
  }

  /// Frames of one flow that are longer than a batch, and broken by frames to more ports than are
  /// collected at a time, which use the places of the flow's port.
  @Test
  void keepsRunsApartFromWhatComesInBetween() {
    List<RecordingPort> ports = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      RecordingPort port = new RecordingPort("q" + i);
      ports.add(port);
      network.attach(port);
    }
    RecordingPort receiver = new RecordingPort("receiver");
    Wire behind = new Wire(network.attach(receiver));
    behind.add(B, A);
    behind.send();
    ports.forEach(RecordingPort::take);
    for (int i = 0; i < 150; i++) {
      w1.add(A, B, 100 + i);
    }
    w1.add(A, MacAddress.BROADCAST, 99);
    w1.add(A, B, 250);
    w1.add(C, B, 251);
    w1.add(A, B, 252);
    w1.send();
    List<Integer> lengths = receiver.take().stream().map(r -> r.octets().length).toList();
    assertThat(lengths.subList(0, 150)).isSorted().startsWith(100).endsWith(249);
    assertThat(lengths.subList(150, lengths.size())).containsExactly(99, 250, 251, 252);
    for (RecordingPort port : ports) {
      assertThat(port.take()).extracting(r -> r.octets().length).containsExactly(99);
    }
    assertThat(network.addresses()).hasSize(3);
  }

  @Test
  void whatOnePortThrowsDisturbsNoOther() {
    Port broken =
        new Port() {
          private final PortTraffic traffic = new PortTraffic();

          @Override
          public String name() {
            return "broken";
          }

          @Override
          public OffloadSet accepts() {
            return OffloadSet.ALL;
          }

          @Override
          public void transmit(FrameBatch frames) {
            throw new StackOverflowError("planted");
          }

          @Override
          public PortTraffic traffic() {
            return traffic;
          }
        };
    SwitchPort attached = network.attach(broken);
    RecordingPort behind = new RecordingPort("behind");
    network.attach(behind);
    for (int i = 0; i < 3; i++) {
      w1.add(A, MacAddress.BROADCAST);
      w1.send();
    }
    assertThat(behind.take()).hasSize(3);
    assertThat(counts()).containsExactly(0, 3, 3);
    assertThat(attached.statistics().transmitFaults()).isEqualTo(3);
    assertThat(faults)
        .hasSize(3)
        .containsOnly("port broken: java.lang.StackOverflowError: planted");
    assertThat(attached.statistics().drops()).isEqualTo(Map.of(DropReason.DELIVERY_FAILED, 3L));
  }

  @Test
  void reportsEachPort() {
    w1.send(A, B);
    PortStatistics statistics = s1.statistics();
    assertThat(statistics.port()).isEqualTo("p1");
    assertThat(statistics.network()).isEqualTo("lan");
    assertThat(statistics.ingressFrames()).isEqualTo(1);
    assertThat(statistics.ingressOctets()).isEqualTo(60);
    assertThat(statistics.addresses()).isEqualTo(1);
    assertThat(s2.statistics().egressOctets()).isEqualTo(60);
  }
}
