package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.ChecksumState;
import org.netback.packet.GsoType;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.PortName;
import org.netback.vswitch.PortNameTakenException;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.grant.InterposedGrantTable;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingViolation;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IllegalRawDataException;
import org.pcap4j.packet.TcpPacket;
import org.pcap4j.packet.UdpPacket;

final class VifTest {
  private final House house = new House();

  @AfterEach
  void close() {
    house.close();
  }

  @Test
  void announcesExactlyWhatItCanDo() {
    assertThat(house.guest().vif.features())
        .containsOnlyKeys(
            "feature-sg",
            "feature-gso-tcpv4",
            "feature-gso-tcpv6",
            "feature-ipv6-csum-offload",
            "feature-rx-copy",
            "feature-rx-flip",
            "feature-multicast-control",
            "feature-dynamic-multicast-control",
            "feature-split-event-channels",
            "feature-ctrl-ring",
            "multi-queue-max-queues")
        .containsEntry("feature-rx-flip", "0")
        .containsEntry("multi-queue-max-queues", "4");
  }

  /// Near 0, near 2^31 and near 2^32, so that every index wraps in the middle.
  @ParameterizedTest
  @ValueSource(ints = {0, Integer.MAX_VALUE - 100, -300, -1})
  void carriesFramesBetweenGuestsWhereverTheIndicesStand(int ringStart)
      throws IllegalRawDataException {
    RawGuest a = house.guest(ringStart).connect();
    RawGuest b = house.guest(ringStart).connect();
    for (int round = 0; round < 40; round++) {
      b.queue().post(Math.min(64, b.queue().rx.freeRequests()));
      List<byte[]> sent = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        byte[] frame = Frames.udp(1, 2, 42 + (round * 20 + i) * 7 % 1473);
        sent.add(frame);
        a.queue().send(frame, i % 3 == 0 ? 4096 : 100 + i * 20, 0);
      }
      house.settle();
      assertThat(a.queue().statuses()).hasSizeGreaterThanOrEqualTo(20).containsOnly(0);
      List<RawGuest.Received> received = b.queue().receive();
      assertThat(received).extracting(RawGuest.Received::octets).containsExactlyElementsOf(sent);
      for (RawGuest.Received frame : received) {
        EthernetPacket packet = EthernetPacket.newPacket(frame.octets(), 0, frame.octets().length);
        assertThat(packet.get(UdpPacket.class)).isNotNull();
      }
    }
    assertThat(b.failures).isEmpty();
    assertThat(a.statistics().ingressFrames()).isEqualTo(800);
    assertThat(b.statistics().egressFrames()).isEqualTo(800);
  }

  /// The pages of a round's requests are brought near before the first of them is copied.
  @Test
  void looksAheadAtTheRequestsOfARound() {
    List<Integer> expected = new ArrayList<>();
    try (House other =
        new House(
            grants -> new InterposedGrantTable(grants, () -> {}, expected::add),
            UnaryOperator.identity())) {
      RawGuest a = other.guest(-3).connect();
      for (int lot : new int[] {5, 70}) {
        List<Integer> put = new ArrayList<>();
        for (int i = 0; i < lot; i++) {
          TxRequest request = request(a, 60);
          put.add(request.gref());
          a.queue().put(request);
        }
        a.queue().push();
        other.settle();
        assertThat(a.queue().statuses()).hasSize(lot);
        assertThat(expected).isEqualTo(put);
        expected.clear();
      }
    }
  }

  /// More than a round has memory for.
  @Test
  void carriesARingFullOfTheLongestFrames() {
    RawGuest a = house.guest(-3).connect();
    for (int i = 0; i < 16; i++) {
      byte[] frame = Frames.udp(1, 9, 65535);
      int at = 0;
      while (at < frame.length) {
        int length = Math.min(4096, frame.length - at);
        RawGuest.Page page = a.page(true);
        MemorySegment.copy(frame, at, page.memory(), ValueLayout.JAVA_BYTE, 0, length);
        int size = at == 0 ? frame.length : length;
        at += length;
        int flags = at < frame.length ? TxRequest.MORE_DATA : 0;
        a.queue().put(new TxRequest(page.gref(), 0, flags, i, size));
      }
    }
    a.queue().push();
    house.settle();
    assertThat(a.queue().statuses()).hasSize(256).containsOnly(0);
    assertThat(house.sink.take()).hasSize(16);
    assertThat(a.tx().frames()).isEqualTo(16);
    assertThat(a.tx().octets()).isEqualTo(16 * 65535);
    assertThat(a.tx().rounds()).isEqualTo(2);
    assertThat(a.tx().notificationsSaved()).isEqualTo(256 - a.tx().notifications());
    assertThat(a.tx().checksumFixups()).isZero();
  }

  @Test
  void carriesTheLongestFrameWhole() {
    RawGuest a = house.guest().connect();
    RawGuest b = house.guest().connect();
    b.queue().post(256);
    byte[] frame = Frames.blankTcp(false, 1, 2, 65535 - 4);
    a.queue()
        .send(
            frame,
            4096,
            TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED,
            new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
    house.settle();
    assertThat(a.queue().statuses()).hasSize(17).containsSubsequence(0, 1, 0);
    List<RawGuest.Received> received = b.queue().receive();
    assertThat(received).hasSize(1);
    assertThat(received.get(0).octets()).isEqualTo(frame);
    assertThat(received.get(0).gsoSize()).isEqualTo(1448);
    assertThat(received.get(0).gsoType()).isEqualTo(ExtraInfo.GSO_TYPE_TCPV4);
    assertThat(received.get(0).flags())
        .isEqualTo(
            RxResponse.CSUM_BLANK
                | RxResponse.DATA_VALIDATED
                | RxResponse.MORE_DATA
                | RxResponse.EXTRA_INFO);
  }

  @Test
  void swapsTheChecksumFlagsBetweenTheRings() {
    RawGuest a = house.guest().connect();
    RawGuest b = house.guest().connect();
    b.queue().post(10);
    byte[] frame = Frames.tcp(1, 2, 100);
    a.queue().send(frame, 4096, TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED);
    a.queue().send(frame, 4096, TxRequest.DATA_VALIDATED);
    a.queue().send(frame, 4096, 0);
    house.settle();
    assertThat(b.queue().receive())
        .extracting(RawGuest.Received::flags)
        .containsExactly(2 | 1, 1, 0);
  }

  /// However many slots a frame has, its first says what its checksum is.
  @ParameterizedTest
  @ValueSource(ints = {400, 2000, 4096})
  void keepsTheChecksumsStateOfAFrameInPieces(int fragment) {
    RawGuest a = house.guest().connect();
    byte[] frame = Frames.blankTcp(false, 1, 2, 6000);
    int blank = TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED;
    for (int flags : new int[] {0, TxRequest.DATA_VALIDATED, blank}) {
      a.queue().send(frame, fragment, flags);
    }
    house.settle();
    assertThat(house.sink.take())
        .extracting(Sink.Copy::checksum)
        .containsExactly(ChecksumState.COMPLETE, ChecksumState.VALIDATED, ChecksumState.BLANK);
  }

  @Test
  void handsTheOffloadOfAFrameToTheSwitch() {
    RawGuest a = house.guest().connect();
    a.queue()
        .send(
            Frames.tcpv6(1, 2, 9000),
            4096,
            TxRequest.CSUM_BLANK,
            new ExtraInfo.Gso(0, 1428, ExtraInfo.GSO_TYPE_TCPV6, 0));
    a.queue().send(Frames.tcp(1, 2, 100), 4096, TxRequest.DATA_VALIDATED);
    house.settle();
    List<Sink.Copy> frames = house.sink.take();
    assertThat(frames).hasSize(2);
    assertThat(frames.get(0).gso()).isEqualTo(GsoType.TCPV6);
    assertThat(frames.get(0).gsoSize()).isEqualTo(1428);
    assertThat(frames.get(0).checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(frames.get(1).gso()).isEqualTo(GsoType.NONE);
    assertThat(frames.get(1).checksum()).isEqualTo(ChecksumState.VALIDATED);
  }

  /// A whole checksum in a frame that is to be segmented: its field becomes the pseudo header's.
  @Test
  void blanksTheChecksumOfAFrameToBeSegmented() throws IllegalRawDataException {
    RawGuest a = house.guest().connect();
    byte[] frame = Frames.tcp(1, 2, 4000);
    a.queue()
        .send(
            frame,
            4096,
            TxRequest.DATA_VALIDATED,
            new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
    house.settle();
    Sink.Copy copy = house.sink.take().get(0);
    assertThat(copy.checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(a.tx().checksumFixups()).isEqualTo(1);
    int field =
        EthernetPacket.newPacket(copy.octets(), 0, copy.octets().length)
                .get(TcpPacket.class)
                .getHeader()
                .getChecksum()
            & 0xffff;
    // 10.0.0.1 + 10.0.0.2 + 6 + 3966 octets of TCP
    assertThat(field).isEqualTo(0x0a00 + 1 + 0x0a00 + 2 + 6 + (4000 - 34));
  }

  @Test
  void dropsAFrameToBeSegmentedThatIsNotTcp() {
    RawGuest a = house.guest().connect();
    a.queue()
        .send(
            Frames.udp(1, 2, 4000),
            4096,
            0,
            new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
    house.settle();
    assertThat(a.queue().statuses()).containsExactly(TxResponse.OKAY, TxResponse.NULL);
    assertThat(house.sink.take()).isEmpty();
    assertThat(a.statistics().drops()).containsEntry(DropReason.BAD_OFFLOAD, 1L);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void servesSeveralQueues(int count) {
    RawGuest a = house.guest();
    RawGuest b = house.guest();
    a.useQueues(count);
    b.useQueues(count);
    a.connect();
    b.connect();
    List<List<RawGuest.Received>> received = new ArrayList<>();
    for (RawGuest.Queue queue : b.queues) {
      queue.post(200);
      received.add(new ArrayList<>());
    }
    for (int port = 1; port <= 200; port++) {
      a.queues.get(port % count).send(Frames.udp(1, 2, port, 60));
      a.queues.get(port % count).send(Frames.udp(1, 2, port, 61));
      if (port % 25 == 0) {
        house.settle();
        for (int i = 0; i < count; i++) {
          List<RawGuest.Received> some = b.queues.get(i).receive();
          b.queues.get(i).post(some.size());
          received.get(i).addAll(some);
          assertThat(a.queues.get(i).statuses()).isNotEmpty().containsOnly(0);
        }
      }
    }
    int total = 0;
    for (List<RawGuest.Received> frames : received) {
      // Flows spread; each flow's frames come on one queue and in order.
      assertThat(frames.size()).isBetween(300 / count, 500 / count);
      for (int i = 0; i < frames.size(); i++) {
        byte[] second = frames.get(i).octets();
        if (second.length == 61) {
          assertThat(frames.subList(0, i))
              .anyMatch(
                  first -> first.octets()[34] == second[34] && first.octets()[35] == second[35]);
        }
      }
      total += frames.size();
    }
    assertThat(total).isEqualTo(400);
  }

  @Test
  void servesAQueueWithOneChannelForBothRings() {
    RawGuest a = house.guest();
    a.remove("event-channel-tx");
    a.remove("event-channel-rx");
    a.write("event-channel", Integer.toString(a.queue().txChannel.port()));
    a.connect();
    RawGuest b = house.guest().connect();
    a.queue().post(10);
    b.queue().post(10);
    a.queue().send(Frames.udp(1, 2, 60));
    b.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    assertThat(a.queue().receive()).hasSize(1);
    assertThat(b.queue().receive()).hasSize(1);
    assertThat(a.queue().txEvents).isPositive();
    assertThat(a.queue().rxEvents).isZero();
  }

  @Test
  void findsWhatWasInTheRingBeforeItConnected() {
    RawGuest a = house.guest();
    a.queue().send(Frames.udp(1, 2, 60));
    a.connect();
    assertThat(house.sink.take()).hasSize(1);
    assertThat(a.queue().statuses()).containsExactly(0);
  }

  @Test
  void attachesWhereAnotherBackendLeftOff() {
    RawGuest a = house.guest(-5).connect();
    RawGuest b = house.guest(-5).connect();
    for (int i = 0; i < 20; i++) {
      b.queue().post(1);
      a.queue().send(Frames.udp(1, 2, 60));
      house.settle();
      assertThat(a.queue().statuses()).containsExactly(0);
      assertThat(b.queue().receive()).hasSize(1);
      a.vif.disconnect();
      b.vif.disconnect();
      house.settle();
      a.connect();
      b.connect();
    }
  }

  /// A backend that is killed between a push and its notification leaves a guest that waits for it.
  @Test
  void notifiesOfWhatADeadBackendAnsweredWithoutNotifying() throws RingViolation {
    RawGuest a = house.guest(-1);
    RawGuest.Queue queue = a.queue();
    queue.post(1);
    queue.send(Frames.udp(1, 2, 60));
    answerWithoutNotifying(queue.txPage, TxRequest.SIZE);
    answerWithoutNotifying(queue.rxPage, RxRequest.SIZE);
    int txEvents = queue.txEvents;
    int rxEvents = queue.rxEvents;

    a.connect();

    assertThat(queue.txEvents).isEqualTo(txEvents + 1);
    assertThat(queue.rxEvents).isEqualTo(rxEvents + 1);
    assertThat(queue.responses()).hasSize(1);
    assertThat(queue.rxResponses()).hasSize(1);
  }

  /// A backend that is killed while it pushes responses may leave slots that are no requests any
  /// more; those behind them still are.
  @Test
  void answersBuffersThatADeadBackendUsedWithoutPushing() throws RingViolation {
    RawGuest a = house.guest(-2);
    RawGuest.Queue queue = a.queue();
    queue.post(6);
    BackRing dead = BackRing.attach(queue.rxPage.memory(), RxRequest.SIZE);
    assertThat(dead.unconsumedRequests()).isEqualTo(6);
    List<Integer> ids = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      ids.add(RxRequest.id(dead.copyRequest()));
      long slot = 64 + (-2 + i & 255) * (long) RxRequest.SIZE;
      new RxResponse(ids.get(i), 0, i < 3 ? RxResponse.MORE_DATA : 0, i < 3 ? 4096 : 60)
          .writeTo(queue.rxPage.memory().asSlice(slot, RxRequest.SIZE));
    }

    a.connect();

    assertThat(queue.rxResponses())
        .extracting(RxResponse::id, RxResponse::flags, RxResponse::status)
        .containsExactlyElementsOf(ids.stream().map(id -> tuple(id, 0, RxResponse.ERROR)).toList());
    RawGuest b = house.guest().connect();
    b.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    assertThat(queue.rxResponses()).extracting(RxResponse::status).containsExactly(60);
    assertThat(a.statistics().drops()).isEmpty();
  }

  private static void answerWithoutNotifying(RawGuest.Page ring, int slotSize)
      throws RingViolation {
    BackRing dead = BackRing.attach(ring.memory(), slotSize);
    assertThat(dead.unconsumedRequests()).isEqualTo(1);
    dead.copyRequest();
    dead.putResponse(0);
    assertThat(dead.push()).isTrue();
  }

  @Test
  void doesNotNotifyAGuestThatHasTakenEverything() {
    RawGuest a = house.guest().connect();
    RawGuest.Queue queue = a.queue();
    queue.send(Frames.udp(1, 2, 60));
    house.settle();
    assertThat(queue.responses()).hasSize(1);
    int txEvents = queue.txEvents;
    int rxEvents = queue.rxEvents;

    a.vif.disconnect();
    house.settle();
    a.connect();

    assertThat(queue.txEvents).isEqualTo(txEvents);
    assertThat(queue.rxEvents).isEqualTo(rxEvents);
  }

  @Test
  void accountsForWhatTheGuestTakes() {
    RawGuest all = house.guest(0, "").connect();
    assertThat(all.vif.port().accepts())
        .isEqualTo(new OffloadSet(true, true, true, true, false, 65535, 1500));
    RawGuest none = house.guest(0, "");
    for (String key :
        List.of(
            "feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload")) {
      none.remove(key);
    }
    none.write("feature-no-csum-offload", "1");
    none.connect();
    assertThat(none.vif.port().accepts())
        .isEqualTo(new OffloadSet(false, false, false, false, false, 4096, 1500));
    RawGuest withoutSg = house.guest(0, "9000");
    withoutSg.write("feature-sg", "0");
    withoutSg.connect();
    assertThat(withoutSg.vif.port().accepts())
        .isEqualTo(new OffloadSet(true, true, false, false, false, 4096, 9000));
  }

  @Test
  void dropsFramesThatAreTooLongForAGuestWithoutScatterGather() {
    RawGuest a = house.guest().connect();
    RawGuest b = house.guest();
    b.remove("feature-sg");
    b.connect();
    b.queue().post(10);
    a.queue().send(Frames.udp(1, 2, 4097), 3000, 0);
    a.queue().send(Frames.udp(1, 2, 4096), 3000, 0);
    house.settle();
    assertThat(b.queue().receive())
        .singleElement()
        .satisfies(frame -> assertThat(frame.octets()).hasSize(4096));
    assertThat(b.statistics().drops()).containsEntry(DropReason.TOO_LONG, 1L);
  }

  @Test
  void joinsTheNetworkThatTheToolstackNames() {
    RawGuest a = house.guest().connect();
    house.store.write("/local/domain/0/backend/vif/2/0/bridge", "tenant");
    RawGuest b = house.guest().connect();
    b.queue().post(10);
    a.queue().send(Frames.udp(1, 2, 60));
    house.settle();
    assertThat(b.queue().receive()).isEmpty();
    assertThat(a.statistics().network()).isEqualTo("default");
    assertThat(b.statistics().network()).isEqualTo("tenant");
    assertThat(house.vswitch.network("tenant").ports()).hasSize(1);
  }

  @Test
  void readsWhatTheToolstackChose() {
    String back = "/local/domain/0/backend/vif/1/0/";
    house.store.write(back + "vifname", "web0");
    house.store.write(back + "mac", "00:16:3e:00:00:01");
    house.store.write(back + "ip", "10.0.0.1 fd00::1");
    house.store.write(back + "mtu", "9000");
    RawGuest a = house.guest().connect();
    assertThat(a.statistics().settings())
        .isEqualTo(new BackendSettings("", "web0", "00:16:3e:00:00:01", "10.0.0.1 fd00::1", 9000));
    assertThat(house.vswitch.network("default").ports())
        .anySatisfy(port -> assertThat(port.name()).isEqualTo("web0"));
    house.store.write("/local/domain/0/backend/vif/2/0/vifname", "web0");
    assertThatThrownBy(() -> house.guest())
        .hasRootCauseMessage("there is a port web0 already (the device vif1.0)");
  }

  /// One name space for all ports, of whatever kind and network, attached or not.
  @Test
  void isRefusedAtDiscoveryWhileItsNameIsAnotherPorts() throws Exception {
    AtomicInteger freed = new AtomicInteger();
    house.vswitch.onNameFreed(freed::incrementAndGet);
    PortName tap = house.vswitch.reserve("vif1.0", "a tap");
    assertThatThrownBy(() -> house.guest())
        .cause()
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "vifname: there is a port vif1.0 already (a tap); the device is served when that has"
                + " gone");
    tap.close();
    tap.close();
    assertThat(freed).hasValue(1);

    house.store.write("/local/domain/0/backend/vif/2/0/vifname", "up0");
    house.store.write("/local/domain/0/backend/vif/2/0/bridge", "other");
    RawGuest guest = house.guest();
    assertThatThrownBy(() -> house.vswitch.reserve("up0", "a tap"))
        .isInstanceOf(PortNameTakenException.class)
        .hasMessage("there is a port up0 already (the device vif2.0)");
    guest.connect();
    guest.vif.remove();
    assertThat(freed).hasValue(2);
    assertThat(house.vswitch.ports()).hasSize(1);
    house.vswitch.reserve("up0", "a tap").close();
  }

  @Test
  void refusesChoicesThatMakeNoSense() {
    house.store.write("/local/domain/0/backend/vif/1/0/vifname", "much-too-long-name");
    assertThatThrownBy(() -> house.guest())
        .hasRootCauseMessage(
            "vifname is \"much-too-long-name\","
                + " not 1 to 15 letters, digits, dots, hyphens, underscores");
    int domid = 2;
    for (String mtu : new String[] {"0", "67", "65522", "-1", "1500x", "99999999999"}) {
      house.store.write("/local/domain/0/backend/vif/" + domid++ + "/0/mtu", mtu);
      assertThatThrownBy(() -> house.guest())
          .hasRootCauseMessage("mtu is \"" + mtu + "\", not a number from 68 to 65521");
    }
  }

  @Test
  void leavesTheNetworkWhenItDisconnects() {
    RawGuest a = house.guest().connect();
    a.queue().send(Frames.udp(1, 2, 60));
    house.settle();
    assertThat(house.vswitch.network("default").ports()).hasSize(2);
    a.vif.disconnect();
    a.vif.disconnect();
    house.settle();
    assertThat(house.vswitch.network("default").ports()).hasSize(1);
    assertThat(house.vswitch.network("default").addresses()).isEmpty();
    assertThat(a.isUnmapped()).isTrue();
    assertThat(a.statistics().connected()).isFalse();
    assertThat(house.backend.statistics()).hasSize(1);
    a.vif.remove();
    assertThat(house.backend.statistics()).isEmpty();
  }

  @Test
  void writesTheCarrier() {
    RawGuest a = house.guest().connect();
    assertThat(house.store.read("/local/domain/0/backend/vif/1/0/carrier")).contains("1");
    assertThat(a.statistics().carrier()).isTrue();
  }

  @Test
  void savesNotifications() {
    RawGuest a = house.guest().connect();
    for (int i = 0; i < 50; i++) {
      a.queue().put(request(a, 60));
    }
    a.queue().push();
    house.settle();
    assertThat(a.queue().statuses()).hasSize(50);
    assertThat(a.queue().txEvents).isEqualTo(1);
    assertThat(a.tx().notifications()).isEqualTo(1);
    assertThat(a.tx().notificationsSaved()).isEqualTo(49);
  }

  private static TxRequest request(RawGuest guest, int size) {
    return new TxRequest(guest.page(true).gref(), 0, 0, 7, size);
  }
}
