package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.vswitch.DropReason;
import org.netback.xen.grant.InterposedGrantTable;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.RingMessage;

/// A guest that does everything wrong that netif.h lets it, and what other backends fell over: the
/// advisories are named where a test stands for one. Beside it lives a guest that must not notice.
final class HostileFrontendTest {
  private static final int MORE = TxRequest.MORE_DATA;
  private static final int EXTRA = TxRequest.EXTRA_INFO;
  private static final int OKAY = TxResponse.OKAY;
  private static final int ERROR = TxResponse.ERROR;
  private static final int NULL = TxResponse.NULL;

  /// From guest 1 to nobody known.
  private static final byte[] ETHERNET = Frames.udp(1, 9, 60);

  private final House house = new House();
  private RawGuest villain;
  private RawGuest bystander;
  private RawGuest.Queue queue;

  @BeforeEach
  void connect() {
    villain = house.guest(-40).connect();
    bystander = house.guest(-40).connect();
    queue = villain.queue();
    bystander.queue().post(20);
  }

  /// Whatever the villain did: the bystander sends and receives, and the house can be tidied up.
  @AfterEach
  void leavesOthersAlone() {
    house.settle();
    house.sink.take();
    // What it was sent meanwhile.
    for (int i = 0; i < 3; i++) {
      bystander.queue().post(Math.min(200, bystander.queue().rx.freeRequests()));
      house.settle();
      bystander.queue().receive();
    }
    bystander.queue().responses();
    RawGuest friend = house.guest().connect();
    friend.queue().post(10);
    bystander.queue().send(Frames.udp(2, 3, 500), 100, 0);
    house.settle();
    assertThat(bystander.queue().statuses()).containsExactly(OKAY, OKAY, OKAY, OKAY, OKAY);
    assertThat(friend.queue().receive())
        .singleElement()
        .satisfies(frame -> assertThat(frame.octets()).isEqualTo(Frames.udp(2, 3, 500)));
    bystander.queue().post(Math.min(10, bystander.queue().rx.freeRequests()));
    friend.queue().send(Frames.udp(3, 2, 300));
    house.settle();
    assertThat(bystander.queue().receive()).hasSize(1);
    assertThat(bystander.failures).isEmpty();
    villain.vif.disconnect();
    house.settle();
    assertThat(villain.isUnmapped()).isTrue();
    house.close();
  }

  private TxRequest data(int size, int flags) {
    return data(0, size, flags);
  }

  private TxRequest data(int offset, int size, int flags) {
    RawGuest.Page page = villain.page(true);
    if (offset + 14 <= 4096) {
      MemorySegment.copy(ETHERNET, 0, page.memory(), ValueLayout.JAVA_BYTE, offset, 14);
    }
    return new TxRequest(page.gref(), offset, flags, queue.tx.reqProdPvt() & 0xffff, size);
  }

  private void put(RingMessage... messages) {
    for (RingMessage message : messages) {
      queue.put(message);
    }
    queue.push();
    house.settle();
  }

  /// A packet that is answered like this, and after which the ring goes on.
  private void answers(TxOutcome reason, Integer... statuses) {
    assertThat(queue.statuses()).containsExactly(statuses);
    assertThat(villain.tx().rejected()).containsEntry(reason, 1L);
    assertThat(villain.failures).isEmpty();
    assertThat(house.sink.take()).isEmpty();
    queue.send(Frames.udp(1, 9, 60));
    house.settle();
    assertThat(queue.statuses()).containsExactly(OKAY);
    assertThat(house.sink.take()).hasSize(1);
  }

  /// The device is given up, once, and nothing is answered.
  private void givesUp(String message) {
    assertThat(villain.failures).singleElement().asString().contains(message);
    assertThat(queue.responses()).isEmpty();
    assertThat(house.sink.take()).isEmpty();
    assertThat(villain.statistics().connected()).isFalse();
    queue.txChannel.notifyPeer();
    queue.rxChannel.notifyPeer();
    house.settle();
    assertThat(villain.failures).hasSize(1);
    villain.vif.disconnect();
    house.settle();
    assertThat(villain.isUnmapped()).isTrue();
    // It comes back with new rings, as after a reset.
    villain.resetRings();
    villain.connect();
    queue.send(Frames.udp(1, 9, 60));
    house.settle();
    assertThat(queue.statuses()).containsExactly(OKAY);
    assertThat(house.sink.take()).hasSize(1);
  }

  // What goes wrong within a packet.

  @ParameterizedTest
  @ValueSource(ints = {20, 21})
  void answersEverySlotOfAPacketWithTooMany(int count) {
    List<RingMessage> slots = new ArrayList<>();
    slots.add(data(14 + count, MORE | EXTRA));
    slots.add(new ExtraInfo.Hash(0, 0, 0, 1));
    for (int i = 1; i < count; i++) {
      slots.add(data(1, i < count - 1 ? MORE : 0));
    }
    put(slots.toArray(RingMessage[]::new));
    Integer[] statuses = new Integer[count + 1];
    Arrays.fill(statuses, ERROR);
    statuses[1] = NULL;
    answers(TxOutcome.TOO_MANY_SLOTS, statuses);
  }

  @Test
  void givesUpAt22Slots() {
    for (int i = 0; i < 22; i++) {
      queue.put(data(i == 0 ? 1000 : 1, i < 21 ? MORE : 0));
    }
    put();
    givesUp("more than 21 slots");
  }

  @Test
  void answersEverySlotOfAPacketShorterThanItsFragments() {
    put(data(100, MORE), data(60, MORE), data(60, MORE), data(60, 0));
    answers(TxOutcome.FRAGMENTS_EXCEED_TOTAL, ERROR, ERROR, ERROR, ERROR);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "13, 0", "100, 90", "1, 1"})
  void answersAPacketWithoutAnEthernetHeader(int total, int second) {
    put(data(total, MORE), data(second, 0));
    answers(TxOutcome.FIRST_FRAGMENT_TOO_SHORT, ERROR, ERROR);
  }

  @ParameterizedTest
  @CsvSource({"4095, 2", "4096, 60", "65535, 65535"})
  void givesUpAtAFollowingFragmentThatCrossesItsPage(int offset, int size) {
    put(data(60000, MORE), data(offset, size, 0));
    givesUp("crosses its page");
  }

  @ParameterizedTest
  @CsvSource({"4090, 60", "0, 4097", "65535, 14"})
  void givesUpAtAFirstFragmentThatCrossesItsPage(int offset, int size) {
    put(data(offset, size, 0));
    givesUp("crosses its page");
  }

  @Test
  void givesUpWhenAnExtraIsMissing() {
    put(data(60, EXTRA));
    givesUp("an extra was announced");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5, 6, 255})
  void givesUpAtAnUnknownExtra(int type) {
    put(data(60, EXTRA), new ExtraInfo.Unknown(type, 0, 0));
    givesUp("unknown type");
  }

  @Test
  void givesUpWhenDataIsMissing() {
    put(data(60, MORE));
    givesUp("more data was announced");
  }

  @ParameterizedTest
  @CsvSource({"0, 1, segment size of 0", "1448, 0, unknown type", "1448, 9, unknown type"})
  void givesUpAtNonsensicalSegmentation(int size, int type, String message) {
    put(data(60, EXTRA), new ExtraInfo.Gso(0, size, type, 0));
    givesUp(message);
  }

  @Test
  void servesWhatCameBeforeABrokenPacket() {
    queue.put(data(60, 0));
    put(data(60, MORE));
    assertThat(queue.statuses()).containsExactly(OKAY);
    assertThat(house.sink.take()).hasSize(1);
    assertThat(villain.failures).hasSize(1);
  }

  @Test
  void answersAMulticastRequestWithDataAsAWhole() {
    put(
        new TxRequest(0, 0, EXTRA | MORE, 9, 0),
        new ExtraInfo.McastAdd(ExtraInfo.FLAG_MORE, 0x0100_5e00_0001L),
        new ExtraInfo.McastDel(0, 0x0100_5e00_0001L),
        data(60, MORE),
        data(60, 0));
    assertThat(queue.statuses()).containsExactly(OKAY, NULL, NULL, OKAY, OKAY);
    assertThat(house.sink.take()).isEmpty();
    queue.send(Frames.udp(1, 9, 60));
    house.settle();
    assertThat(queue.statuses()).containsExactly(OKAY);
    assertThat(house.sink.take()).hasSize(1);
  }

  @Test
  void acceptsAHashThatItDidNotAskFor() {
    put(data(60, EXTRA), new ExtraInfo.Hash(0, 3, 0, 0x12345678));
    assertThat(queue.statuses()).containsExactly(OKAY, NULL);
    assertThat(house.sink.take()).hasSize(1);
  }

  /// XSA-448, and the 18 slots that every backend must take, 19 that this one does.
  @ParameterizedTest
  @ValueSource(ints = {18, 19})
  void skipsFragmentsWithoutOctets(int count) {
    byte[] frame = Frames.udp(1, 9, 60);
    RawGuest.Page page = villain.page(true);
    MemorySegment.copy(frame, 0, page.memory(), ValueLayout.JAVA_BYTE, 0, 60);
    queue.put(new TxRequest(page.gref(), 0, MORE, 1, 60));
    for (int i = 1; i < count; i++) {
      // A reference to nothing: it must not even be looked at.
      queue.put(new TxRequest(0xffff, 4096, i < count - 1 ? MORE : 0, i + 1, 0));
    }
    put();
    assertThat(queue.statuses()).hasSize(count).containsOnly(OKAY);
    assertThat(house.sink.take())
        .singleElement()
        .satisfies(copy -> assertThat(copy.octets()).isEqualTo(frame));
  }

  /// XSA-423 and XSA-432: headers cut into pieces of one octet arrive in one piece.
  @ParameterizedTest
  @ValueSource(ints = {15, 16, 20, 26, 32})
  void joinsHeadersThatWereCutIntoPieces(int length) {
    byte[] frame = Arrays.copyOf(Frames.udp(1, 9, 60), length);
    queue.put(data(length, length > 14 ? MORE : 0));
    for (int i = 14; i < length; i++) {
      RawGuest.Page page = villain.page(true);
      page.memory().set(ValueLayout.JAVA_BYTE, 4095, frame[i]);
      queue.put(new TxRequest(page.gref(), 4095, i < length - 1 ? MORE : 0, i, 1));
    }
    put();
    assertThat(queue.statuses()).hasSize(length - 13).containsOnly(OKAY);
    assertThat(house.sink.take())
        .singleElement()
        .satisfies(copy -> assertThat(copy.octets()).isEqualTo(frame));
  }

  // Grants.

  /// XSA-361, 362, 365, 367: each segment of a batch is judged.
  @Test
  void judgesEverySegmentOfABatch() {
    queue.put(data(60, 0));
    queue.put(new TxRequest(2000, 0, 0, 77, 60));
    queue.put(data(60, MORE));
    queue.put(new TxRequest(-1, 0, 0, 78, 20));
    // The reserved reference 0 is granted, for the console; 2 is not.
    queue.put(new TxRequest(2, 0, MORE, 79, 60));
    queue.put(data(20, 0));
    put(data(60, 0));
    assertThat(queue.statuses()).containsExactly(OKAY, ERROR, OKAY, ERROR, ERROR, ERROR, OKAY);
    assertThat(house.sink.take()).hasSize(2);
    assertThat(villain.tx().copyFailures()).isEqualTo(3);
    assertThat(villain.failures).isEmpty();
  }

  /// XSA-365: in place of what could not be copied, nothing is sent.
  @Test
  void sendsNothingOfAPacketWhoseGrantWasRevoked() {
    byte[] secret = Frames.udp(2, 9, 1400);
    bystander.queue().send(secret);
    house.settle();
    house.sink.take();
    TxRequest first = data(1400, MORE);
    MemorySegment memory = villain.domain.memory().allocate(1);
    int gref = villain.domain.memory().grant(memory, 0, false);
    assertThat(villain.domain.memory().revoke(gref)).isTrue();
    put(first, new TxRequest(gref, 0, 0, 5, 1300));
    assertThat(queue.statuses()).containsExactly(OKAY, ERROR);
    assertThat(house.sink.take()).isEmpty();
  }

  @Test
  void refusesGrantsForOtherDomains() {
    MemorySegment memory = villain.domain.memory().allocate(1);
    int gref = villain.domain.memory().grant(memory, 7, false);
    put(new TxRequest(gref, 0, 0, 5, 60));
    assertThat(queue.statuses()).containsExactly(ERROR);
    // A reference that is good in the bystander's table means nothing in the villain's.
    queue.postPage(new RawGuest.Page(memory, gref), 300 + (queue.rx.reqProdPvt() & 0xff));
    queue.pushRx();
    bystander.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    assertThat(queue.rxResponses())
        .singleElement()
        .satisfies(response -> assertThat(response.status()).isEqualTo(RxResponse.ERROR));
    assertThat(villain.statistics().drops()).containsEntry(DropReason.DELIVERY_FAILED, 1L);
  }

  /// XSA-403: nothing but the octets of the slot is copied, either way.
  @Test
  void copiesNoOctetMoreThanTheSlotSays() {
    RawGuest.Page page = villain.page(true);
    page.memory().fill((byte) 0x5a);
    MemorySegment.copy(Frames.udp(1, 9, 60), 0, page.memory(), ValueLayout.JAVA_BYTE, 100, 60);
    put(new TxRequest(page.gref(), 100, 0, 1, 60));
    assertThat(house.sink.take())
        .singleElement()
        .satisfies(copy -> assertThat(copy.octets()).isEqualTo(Frames.udp(1, 9, 60)));
    RawGuest.Page rx = villain.page(false);
    rx.memory().fill((byte) 0x5a);
    queue.postPage(rx, 300 + (queue.rx.reqProdPvt() & 0xff));
    queue.pushRx();
    bystander.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    assertThat(queue.rxResponses()).hasSize(1);
    for (int i = 60; i < 4096; i++) {
      assertThat(rx.memory().get(ValueLayout.JAVA_BYTE, i)).isEqualTo((byte) 0x5a);
    }
  }

  @Test
  void writesTheSlotOnlyAndNotTheFrameIntoAReadOnlyGrant() {
    MemorySegment memory = villain.domain.memory().allocate(1);
    int gref = villain.domain.memory().grant(memory, 0, true);
    queue.postPage(new RawGuest.Page(memory, gref), 300 + (queue.rx.reqProdPvt() & 0xff));
    queue.post(1);
    bystander.queue().send(Frames.udp(2, 1, 60));
    bystander.queue().send(Frames.udp(2, 1, 61));
    house.settle();
    assertThat(queue.rxResponses())
        .extracting(RxResponse::status)
        .containsExactly(RxResponse.ERROR, 61);
    assertThat(memory.get(ValueLayout.JAVA_BYTE, 0)).isZero();
    assertThat(villain.failures).isEmpty();
  }

  @Test
  void countsAFrameOfWhichOneBufferIsBadAsNotDelivered() {
    queue.post(1);
    queue.postPage(
        new RawGuest.Page(MemorySegment.NULL, 3000), 300 + (queue.rx.reqProdPvt() & 0xff));
    queue.post(1);
    bystander.queue().send(Frames.udp(2, 1, 10000), 4096, 0);
    house.settle();
    assertThat(queue.rxResponses())
        .extracting(RxResponse::status)
        .containsExactly(4096, RxResponse.ERROR, 10000 - 8192);
    assertThat(villain.statistics().drops()).containsEntry(DropReason.DELIVERY_FAILED, 1L);
    assertThat(villain.statistics().egressFrames()).isZero();
  }

  @Test
  void takesTheSameBufferForEverySlot() {
    RawGuest.Page page = villain.page(false);
    for (int i = 0; i < 100; i++) {
      queue.postPage(page, 5);
    }
    queue.pushRx();
    for (int i = 0; i < 50; i++) {
      bystander.queue().send(Frames.udp(2, 1, 60));
    }
    house.settle();
    assertThat(queue.rxResponses()).hasSize(50).allMatch(response -> response.id() == 5);
  }

  // Rings.

  enum RingOf {
    TX,
    RX
  }

  private MemorySegment ringPage(RingOf ring) {
    return ring == RingOf.TX ? queue.txPage.memory() : queue.rxPage.memory();
  }

  private int start(RingOf ring) {
    return ring == RingOf.TX ? queue.tx.reqProdPvt() : queue.rx.reqProdPvt();
  }

  /// XSA-39: index jumps end the device within one round.
  @ParameterizedTest
  @CsvSource({"TX,257", "TX,-2147483648", "TX,-1", "RX,257", "RX,-2147483648", "RX,-1"})
  void givesUpAtAnImpossibleIndex(RingOf ring, int jump) {
    ringPage(ring).set(ValueLayout.JAVA_INT, 0, start(ring) + jump);
    (ring == RingOf.TX ? queue.txChannel : queue.rxChannel).notifyPeer();
    house.settle();
    givesUp("req_prod");
  }

  @ParameterizedTest
  @ValueSource(ints = {257, Integer.MIN_VALUE, -1})
  void givesUpAtAnImpossibleIndexWhenAFrameComes(int jump) {
    ringPage(RingOf.RX).set(ValueLayout.JAVA_INT, 0, start(RingOf.RX) + jump);
    bystander.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    assertThat(bystander.queue().statuses()).containsExactly(OKAY);
    assertThat(villain.statistics().drops()).containsEntry(DropReason.PORT_DOWN, 1L);
    house.sink.take();
    givesUp("req_prod");
  }

  @Test
  void isNotImpressedByAFullRingOfGarbage() {
    Random random = new Random(7);
    for (int i = 0; i < 256; i++) {
      queue.put(new TxRequest(random.nextInt(), random.nextInt(65536), 0, i, random.nextInt(14)));
    }
    put();
    assertThat(queue.statuses()).hasSize(256).containsOnly(ERROR);
    assertThat(villain.failures).isEmpty();
  }

  /// The response index is the backend's own; what the guest writes over it is never read again.
  @Test
  void doesNotBelieveTheSharedResponseIndex() {
    queue.txPage.memory().set(ValueLayout.JAVA_INT, 8, 0x1234);
    queue.rxPage.memory().set(ValueLayout.JAVA_INT, 8, 0x1234);
    queue.send(Frames.udp(1, 9, 60));
    house.settle();
    assertThat(house.sink.take()).hasSize(1);
    assertThat(queue.statuses()).containsExactly(OKAY);
  }

  @ParameterizedTest
  @EnumSource(RingOf.class)
  void refusesARingWithGarbageInIt(RingOf ring) {
    villain.vif.disconnect();
    ringPage(ring).set(ValueLayout.JAVA_INT, 8, start(ring) + 300);
    assertThat(tryToConnect()).contains(ring == RingOf.TX ? "tx-ring-ref" : "rx-ring-ref");
    assertThat(villain.isUnmapped()).isTrue();
    ringPage(ring).set(ValueLayout.JAVA_INT, 8, start(ring));
    villain.connect();
  }

  private String tryToConnect() {
    try {
      villain.vif.connect();
      return "connected";
    } catch (org.netback.xen.bus.DeviceException | org.netback.xen.store.StoreException e) {
      return String.valueOf(e.getMessage());
    }
  }

  /// XSA-216: no octet of a slot is left over from the backend's own memory. What is not of the
  /// response is as the guest wrote it.
  @Test
  void writesNothingButResponses() {
    for (int i = 64; i < 4096; i++) {
      queue.txPage.memory().set(ValueLayout.JAVA_BYTE, i, (byte) 0xaa);
    }
    int index = queue.tx.reqProdPvt() & 0xff;
    TxRequest request = data(60, EXTRA);
    ExtraInfo.Hash hash = new ExtraInfo.Hash(0, -1, -1, -1);
    put(request, hash);
    MemorySegment slot = queue.txPage.memory().asSlice(64 + 12L * index, 12);
    MemorySegment sent = MemorySegment.ofArray(new int[3]);
    request.writeTo(sent);
    assertThat(slot.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2)).isZero();
    assertThat(slot.asSlice(4).mismatch(sent.asSlice(4))).isEqualTo(-1);
    MemorySegment extra = queue.txPage.memory().asSlice(64 + 12L * (index + 1 & 0xff), 12);
    hash.writeTo(sent.fill((byte) 0));
    assertThat(extra.get(ValueLayout.JAVA_INT_UNALIGNED, 0))
        .isEqualTo(ExtraInfo.TYPE_HASH | NULL << 16);
    assertThat(extra.asSlice(4, 4).mismatch(sent.asSlice(4, 4))).isEqualTo(-1);
  }

  /// What a backend leaves that is killed while it pushes its responses them: its successor takes
  /// them for requests.
  @Test
  void answersWhatADeadBackendAnsweredWithoutPushing() {
    int index = queue.tx.reqProdPvt();
    RawGuest.Page page = villain.page(true);
    queue.put(
        new TxRequest(
            page.gref(),
            0,
            TxRequest.MORE_DATA
                | TxRequest.EXTRA_INFO
                | TxRequest.CSUM_BLANK
                | TxRequest.DATA_VALIDATED,
            3,
            3000));
    queue.put(new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
    queue.put(new TxRequest(page.gref(), 0, 0, 4, 1500));
    int[] words = {
      TxResponse.word(3, OKAY), TxResponse.word(ExtraInfo.TYPE_GSO, NULL), TxResponse.word(4, OKAY)
    };
    for (int i = 0; i < words.length; i++) {
      queue.txPage.memory().set(ValueLayout.JAVA_INT, 64 + 12L * (index + i & 0xff), words[i]);
    }
    queue.push();
    house.settle();
    assertThat(queue.responses())
        .satisfiesExactly(
            first -> assertThat(first).isEqualTo(new TxResponse(3, ERROR)),
            extra -> assertThat(extra.status()).isEqualTo(NULL),
            second -> assertThat(second).isEqualTo(new TxResponse(4, ERROR)));
  }

  /// XSA-155: what is changed in the ring once it was read has no effect.
  @Test
  void readsASlotOnce() {
    AtomicReference<Runnable> trick = new AtomicReference<>(() -> {});
    try (House own =
        new House(grants -> new InterposedGrantTable(grants, () -> trick.get().run()), e -> e)) {
      RawGuest guest = own.guest().connect();
      RawGuest.Page page = guest.page(true);
      MemorySegment.copy(Frames.udp(1, 9, 60), 0, page.memory(), ValueLayout.JAVA_BYTE, 0, 60);
      int slot = guest.queue().tx.reqProdPvt() & 0xff;
      trick.set(
          () -> {
            // Between reading and answering: another id, another size, another page.
            guest.queue().txPage.memory().asSlice(64 + 12L * slot, 12).fill((byte) 0xff);
            page.memory().set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
          });
      guest.queue().put(new TxRequest(page.gref(), 0, 0, 4711, 60));
      guest.queue().push();
      own.settle();
      assertThat(guest.queue().responses())
          .singleElement()
          .satisfies(response -> assertThat(response.id()).isEqualTo(4711));
      assertThat(own.sink.take())
          .singleElement()
          .satisfies(copy -> assertThat(copy.octets()).hasSize(60));
    }
  }

  @Test
  void answersIdsOfAnySize() {
    for (int id : List.of(0, 255, 256, 1023, 65535, 7, 7)) {
      queue.put(new TxRequest(villain.page(true).gref(), 0, 0, id, 60));
    }
    put();
    assertThat(queue.responses())
        .extracting(TxResponse::id)
        .containsExactly(0, 255, 256, 1023, 65535, 7, 7);
  }

  // Notifications.

  /// XSA-391: a guest that does not ask is not notified; one that always asks is notified once per
  /// round, not once per slot.
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void notifiesOncePerRoundAtMost(boolean always) {
    int before = queue.txEvents;
    for (int i = 0; i < 50; i++) {
      queue.put(data(60, 0));
    }
    queue.txPage.memory().set(ValueLayout.JAVA_INT, 12, queue.tx.rspCons() + (always ? 1 : -1000));
    put();
    assertThat(queue.txEvents - before).isEqualTo(always ? 1 : 0);
    assertThat(queue.responses()).hasSize(50);
  }

  /// XSA-332: a storm of events without work is slowed down by the ground, since the handlers own
  /// up to having had none.
  @Test
  void ownsUpToHavingHadNoWork() {
    for (int i = 0; i < 1000; i++) {
      queue.txChannel.notifyPeer();
      queue.rxChannel.notifyPeer();
      house.settle();
    }
    assertThat(villain.tx().spuriousEvents()).isBetween(2L, 10L);
    assertThat(villain.rx().spuriousEvents()).isBetween(2L, 10L);
  }

  /// XSA-157: a million bad packets neither end the device nor fill a log.
  @Test
  void survivesBadPacketsWithoutEnd() {
    int rounds = 4000;
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < 250; i++) {
        queue.put(new TxRequest(i, 0, 0, i, 5));
      }
      queue.push();
      house.loop.runReady();
      assertThat(queue.responses()).hasSize(250);
    }
    assertThat(villain.tx().rejected())
        .containsEntry(TxOutcome.FIRST_FRAGMENT_TOO_SHORT, rounds * 250L);
    assertThat(villain.failures).isEmpty();
  }

  /// A guest that fills its ring as fast as it is emptied gets one round at a time; what others
  /// have to do comes in between.
  @Test
  void givesOthersATurnBetweenRounds() {
    for (int i = 0; i < 256; i++) {
      queue.put(data(60, 0));
    }
    queue.push();
    List<Integer> progress = new ArrayList<>();
    while (house.loop.step()) {
      int answered = queue.statuses().size();
      if (answered > 0) {
        progress.add(answered);
        house.loop.execute(() -> progress.add(-1));
      }
    }
    assertThat(progress).startsWith(64, 64, -1, 64, -1, 64);
  }

  // Life and death.

  /// XSA-374: fatal errors and reconnects, over and over.
  @Tag("long")
  @Test
  void diesAndComesBackTenThousandTimes() {
    long descriptors = openDescriptors();
    for (int i = 0; i < 10_000; i++) {
      queue.put(data(60, i % 2 == 0 ? MORE : EXTRA));
      queue.push();
      house.settle();
      assertThat(villain.failures).hasSize(1);
      villain.failures.clear();
      villain.vif.disconnect();
      villain.resetRings();
      villain.connect();
    }
    assertThat(openDescriptors()).isBetween(descriptors - 20, descriptors + 20);
    assertThat(house.loop.pendingTimers()).isLessThan(5);
    assertThat(house.vswitch.network("default").ports()).hasSize(3);
  }

  private static long openDescriptors() {
    String[] names = new java.io.File("/proc/self/fd").list();
    return names == null ? 0 : names.length;
  }

  @Test
  void destroysADomainUnderTraffic() {
    queue.post(50);
    villain.domain.close();
    bystander.queue().send(Frames.udp(2, 1, 60));
    queue = bystander.queue();
    house.settle();
    assertThat(bystander.queue().statuses()).containsExactly(OKAY);
    villain.vif.disconnect();
    // The rest of the test needs a villain to tidy up.
    villain = house.guest().connect();
    queue = villain.queue();
  }
}
