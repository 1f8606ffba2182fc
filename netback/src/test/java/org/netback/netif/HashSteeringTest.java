package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.hashing.HashType;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;

/// A guest's hash and mapping in the path of its frames.
final class HashSteeringTest {
  private static final byte[] KEY = Oracle.KEY;
  private static final int RX_CSUM = RxResponse.CSUM_BLANK | RxResponse.DATA_VALIDATED;

  private final House house = new House();
  private final RawGuest sender = house.guest(-100).connect();
  private RawGuest guest;
  private RawCtrl ctrl;

  @AfterEach
  void close() {
    house.close();
  }

  @BeforeEach
  void connect() {
    house.sinkPort.close();
    guest = receiver(4);
    ctrl = guest.ctrl();
  }

  private RawGuest receiver(int queues) {
    RawGuest made = house.guest(-100);
    if (queues > 1) {
      made.useQueues(queues);
    }
    made.ctrl();
    made.connect();
    for (RawGuest.Queue queue : made.queues) {
      queue.post(60);
    }
    house.settle();
    return made;
  }

  /// Frames of many flows, some of each kind.
  private static List<byte[]> flows() {
    List<byte[]> frames = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      frames.add(
          switch (i % 4) {
            case 0 -> Frames.udp(10 + i, 2, 100);
            case 1 -> withPort(Frames.tcp(10 + i, 2, 100), 34, 1000 + i);
            case 2 -> withPort(Frames.tcpv6(10 + i, 2, 100), 54, 1000 + i);
            default -> withPort(Frames.tcp(9, 2, 100), 34, 2000 + i);
          });
    }
    return frames;
  }

  private static byte[] withPort(byte[] frame, int at, int port) {
    frame[at] = (byte) (port >> 8);
    frame[at + 1] = (byte) port;
    return frame;
  }

  private void send(byte[] frame) {
    sender.queue().send(frame);
    house.settle();
    assertThat(sender.queue().statuses()).containsOnly(0);
  }

  /// Sends a frame and says in which queue it comes out, whole and with its hash.
  private int queueOf(RawGuest to, byte[] frame, boolean hashed) {
    send(frame);
    int found = -1;
    for (int i = 0; i < to.queues.size(); i++) {
      List<RawGuest.Received> received = to.queues.get(i).receive();
      if (!received.isEmpty()) {
        assertThat(found).isEqualTo(-1);
        assertThat(received).hasSize(1);
        assertThat(received.getFirst().octets()).isEqualTo(frame);
        assertThat(received.getFirst().hash().isPresent()).isEqualTo(hashed);
        if (hashed) {
          ExtraInfo.Hash hash = received.getFirst().hash().get();
          assertThat(hash.value()).isEqualTo(Oracle.hash(KEY, frame));
          assertThat(hash.algorithm()).isEqualTo(CtrlRequest.HASH_ALGORITHM_TOEPLITZ);
          boolean six = frame[12] != 8;
          boolean tcp = frame[six ? 20 : 23] == 6;
          assertThat(hash.hashType()).isEqualTo((six ? 2 : 0) + (tcp ? 1 : 0));
        }
        found = i;
      }
      to.queues.get(i).post(Math.min(20, to.queues.get(i).rx.freeRequests()));
    }
    house.settle();
    assertThat(found).isNotEqualTo(-1);
    return found;
  }

  @Test
  void showsWhatTheGuestHasChosen() {
    assertThat(guest.statistics().hashing()).isEqualTo("off");
    ctrl.hash(KEY);
    assertThat(guest.statistics().hashing())
        .isEqualTo("toeplitz IPV4 IPV4_TCP IPV6 IPV6_TCP, mapping 0");
    ctrl.map(3, 2, 1);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_FLAGS, HashType.IPV6.bit(), 0, 0);
    assertThat(guest.statistics().hashing()).isEqualTo("toeplitz IPV6, mapping 3");
    guest.vif.disconnect();
    house.settle();
    assertThat(guest.statistics().hashing()).isEqualTo("off");
  }

  @Test
  void takesTheHashModuloTheQueuesWithoutATable() {
    ctrl.hash(KEY);
    for (byte[] frame : flows()) {
      assertThat(queueOf(guest, frame, true))
          .isEqualTo(Integer.remainderUnsigned(Oracle.hash(KEY, frame), 4));
    }
  }

  @Test
  void followsTheMappingAndEveryChangeOfItAtOnce() {
    ctrl.hash(KEY);
    for (int[] mapping :
        new int[][] {
          {0, 1, 2, 3}, {3, 2, 1, 0}, {1}, {0, 0, 3}, {2, 2, 2, 2, 2, 2, 2}, new int[128]
        }) {
      ctrl.map(mapping);
      for (byte[] frame : flows()) {
        assertThat(queueOf(guest, frame, true)).isEqualTo(Oracle.queue(KEY, frame, mapping));
      }
    }
  }

  @Test
  void changesAPartOfTheMapping() {
    ctrl.hash(KEY);
    ctrl.map(0, 0, 0, 0, 0, 0);
    ctrl.putWords(3, 1);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING, ctrl.data.gref(), 2, 4);
    for (byte[] frame : flows()) {
      assertThat(queueOf(guest, frame, true)).isEqualTo(Oracle.queue(KEY, frame, 0, 0, 0, 0, 3, 1));
    }
  }

  @Test
  void clearsTheMappingWithItsSize() {
    ctrl.hash(KEY);
    ctrl.map(3, 3, 3);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, 3, 0, 0);
    assertThat(queueOf(guest, flows().get(1), true)).isZero();
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, 0, 0, 0);
    for (byte[] frame : flows()) {
      assertThat(queueOf(guest, frame, true))
          .isEqualTo(Integer.remainderUnsigned(Oracle.hash(KEY, frame), 4));
    }
  }

  @Test
  void hashesToZeroOnceTheKeyIsCleared() {
    ctrl.hash(KEY);
    ctrl.map(2, 1, 1);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_KEY, 0, 0, 0);
    for (byte[] frame : flows()) {
      send(frame);
      assertThat(guest.queues.get(2).receive())
          .singleElement()
          .satisfies(received -> assertThat(received.hash().orElseThrow().value()).isZero());
      guest.queues.get(2).post(2);
      house.settle();
    }
  }

  @Test
  void leavesOutTheHashOfWhatHasNone() {
    ctrl.hash(KEY);
    ctrl.map(3, 0);
    byte[] arp = Frames.udp(1, 2, 60);
    arp[13] = 6;
    assertThat(queueOf(guest, arp, false)).isEqualTo(3);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_FLAGS, CtrlRequest.HASH_TYPE_IPV6, 0, 0);
    assertThat(queueOf(guest, Frames.udp(1, 2, 60), false)).isEqualTo(3);
  }

  /// Off by algorithm or by flags, frames go by the backend's own hash again, without extras.
  @Test
  void choosesByItselfWhileHashingIsOff() {
    List<Integer> own = flows().stream().map(frame -> queueOf(guest, frame, false)).toList();
    assertThat(own).contains(0, 1, 2, 3);
    ctrl.hash(KEY);
    ctrl.map(1);
    assertThat(queueOf(guest, flows().getFirst(), true)).isEqualTo(1);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_FLAGS, 0, 0, 0);
    assertThat(flows().stream().map(frame -> queueOf(guest, frame, false)).toList()).isEqualTo(own);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_FLAGS, 15, 0, 0);
    assertThat(queueOf(guest, flows().getFirst(), true)).isEqualTo(1);
    ctrl.demand(CtrlRequest.TYPE_SET_HASH_ALGORITHM, CtrlRequest.HASH_ALGORITHM_NONE, 0, 0);
    assertThat(flows().stream().map(frame -> queueOf(guest, frame, false)).toList()).isEqualTo(own);
  }

  @Test
  void tellsTheHashOnASingleQueueToo() {
    RawGuest single = receiver(1);
    single.ctrl().hash(KEY);
    guest.vif.disconnect();
    house.settle();
    for (byte[] frame : flows()) {
      assertThat(queueOf(single, frame, true)).isZero();
    }
  }

  /// The value lies in the slot with its least significant octet first.
  @Test
  void writesTheHashAsTheHeaderDrawsIt() {
    ctrl.hash(KEY);
    ctrl.map(0);
    byte[] frame = Frames.tcp(1, 2, 100);
    send(frame);
    List<RxResponse> slots = guest.queue().rxResponses();
    assertThat(slots).hasSize(2);
    assertThat(slots.getFirst().flags() & RxResponse.EXTRA_INFO).isNotZero();
    int hash = Oracle.hash(KEY, frame);
    // type, flags | htype, alg | value, as the four 16-bit fields of a response.
    assertThat(slots.get(1).id()).isEqualTo(ExtraInfo.TYPE_HASH);
    assertThat(slots.get(1).offset()).isEqualTo(1 | 1 << 8);
    assertThat(slots.get(1).flags()).isEqualTo(hash & 0xffff);
    assertThat(slots.get(1).status()).isEqualTo((short) (hash >>> 16));
  }

  @Test
  void putsGsoAndHashExtrasTogether() {
    ctrl.hash(KEY);
    ctrl.map(2);
    byte[] frame = Frames.blankTcp(false, 1, 2, 60000);
    ExtraInfo.Gso gso = new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0);
    sender.queue().send(frame, 4096, TxRequest.CSUM_BLANK, gso);
    house.settle();
    assertThat(guest.queues.get(2).receive())
        .singleElement()
        .satisfies(
            received -> {
              assertThat(received.octets()).isEqualTo(frame);
              assertThat(received.gsoSize()).isEqualTo(1448);
              assertThat(received.gsoType()).isEqualTo(ExtraInfo.GSO_TYPE_TCPV4);
              assertThat(received.hash().orElseThrow().value()).isEqualTo(Oracle.hash(KEY, frame));
              assertThat(received.flags() & RX_CSUM).isEqualTo(RX_CSUM);
            });
  }

  /// 15 slots of data, one for GSO, one for the hash: not begun with one fewer.
  @Test
  void countsBothExtrasBeforeItBeginsAFrame() {
    RawGuest single = receiver(1);
    single.ctrl().hash(KEY);
    guest.vif.disconnect();
    house.settle();
    single.queue().rx.armResponseEvent(1);
    while (single.rx().ring().reqCons() - single.queue().rx.reqProdPvt() != 0) {
      send(Frames.udp(1, 2, 60));
    }
    single.queue().receive();
    byte[] frame = Frames.tcp(1, 2, 60000);
    ExtraInfo.Gso gso = new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0);
    single.queue().post(16);
    sender.queue().send(frame, 4096, TxRequest.CSUM_BLANK, gso);
    house.settle();
    assertThat(single.queue().receive()).isEmpty();
    assertThat(single.rx().backlogFrames()).isEqualTo(1);
    single.queue().post(1);
    house.settle();
    assertThat(single.queue().receive())
        .singleElement()
        .satisfies(
            received ->
                assertThat(received.hash().orElseThrow().value())
                    .isEqualTo(Oracle.hash(KEY, frame)));
    assertThat(single.rx().backlogFrames()).isZero();
  }

  /// A hash extra from the guest: of any type, and with the algorithm octet that Windows leaves 0.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7})
  void takesAHashFromTheGuestWhateverItsAlgorithm(int algorithm) {
    RawGuest other = receiver(1);
    guest.vif.disconnect();
    house.settle();
    for (int type = 0; type < 6; type++) {
      byte[] frame = Frames.udp(1, 2, 100);
      sender.queue().send(frame, 4096, 0, new ExtraInfo.Hash(0, type, algorithm, 0x12345678));
      house.settle();
      assertThat(sender.queue().statuses()).containsExactly(0, 1);
      assertThat(other.queue().receive())
          .singleElement()
          .satisfies(received -> assertThat(received.octets()).isEqualTo(frame));
    }
    byte[] frame = Frames.tcp(1, 2, 60000);
    sender
        .queue()
        .send(
            frame,
            4096,
            TxRequest.CSUM_BLANK,
            new ExtraInfo.Gso(ExtraInfo.FLAG_MORE, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0),
            new ExtraInfo.Hash(0, 1, algorithm, -1));
    house.settle();
    assertThat(sender.queue().statuses()).hasSize(17).contains(1);
    assertThat(other.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.gsoSize()).isEqualTo(1448));
  }

  /// What was asked for before the backend looked is done when it does.
  @Test
  void answersWhatWasAskedBeforeItWasConnected() {
    RawGuest early = house.guest(-3);
    early.useQueues(2);
    RawCtrl ring = early.ctrl();
    ring.putKey(KEY);
    ring.put(CtrlRequest.TYPE_SET_HASH_ALGORITHM, 1, 0, 0);
    ring.put(CtrlRequest.TYPE_SET_HASH_KEY, ring.data.gref(), 40, 0);
    ring.put(CtrlRequest.TYPE_SET_HASH_FLAGS, 15, 0, 0);
    ring.put(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, 128, 0, 0);
    ring.ring.push();
    early.connect();
    assertThat(ring.responses())
        .hasSize(4)
        .allMatch(response -> response.status() == CtrlResponse.STATUS_SUCCESS);
    assertThat(ring.events).isPositive();
    guest.vif.disconnect();
    early.queues.forEach(queue -> queue.post(10));
    house.settle();
    assertThat(queueOf(early, Frames.tcp(1, 2, 100), true)).isZero();
  }

  @Test
  void forgetsEverythingWithTheConnection() {
    ctrl.hash(KEY);
    ctrl.map(1);
    assertThat(queueOf(guest, Frames.udp(1, 2, 100), true)).isEqualTo(1);
    guest.vif.disconnect();
    house.settle();
    assertThat(guest.isUnmapped()).isTrue();
    guest.resetRings();
    guest.connect();
    guest.queues.forEach(queue -> queue.post(20));
    house.settle();
    queueOf(guest, Frames.udp(1, 2, 100), false);
    assertThat(ctrl.ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 0, 0, 0).status())
        .isEqualTo(CtrlResponse.STATUS_NOT_SUPPORTED);
  }

  /// Every frame arrives once, in the queue of the table before or after, while the table changes
  /// between any two of them.
  @Test
  void losesNothingWhileItIsRemapped() {
    ctrl.hash(KEY);
    ctrl.map(0, 1, 2, 3);
    int received = 0;
    for (int round = 0; round < 200; round++) {
      for (int i = 0; i < 10; i++) {
        sender.queue().send(withPort(Frames.tcp(1, 2, 100), 34, 1000 + 10 * round + i));
      }
      ctrl.putWords(round & 3, round + 1 & 3, round + 2 & 3, round + 3 & 3);
      ctrl.put(CtrlRequest.TYPE_SET_HASH_MAPPING, ctrl.data.gref(), 4, 0);
      ctrl.push();
      house.settle();
      assertThat(ctrl.responses()).hasSize(1);
      assertThat(sender.queue().statuses()).hasSize(10).containsOnly(0);
      for (RawGuest.Queue queue : guest.queues) {
        received += queue.receive().size();
        queue.post(Math.min(20, queue.rx.freeRequests()));
      }
      house.settle();
      house.advance(1_000_000);
    }
    assertThat(received).isEqualTo(2000);
    assertThat(guest.statistics().drops()).isEmpty();
  }
}
