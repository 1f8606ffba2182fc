package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.packet.MacAddress;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Observation;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.InterposedGrantTable;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.SharedIndices;

/// Long packets, of which only the head is private when it is decided where they go.
class PageToPageTest {
  private static final int OKAY = TxResponse.OKAY;
  private static final int ERROR = TxResponse.ERROR;

  private final AtomicInteger copies = new AtomicInteger();
  private final AtomicReference<Runnable> beforeCopy = new AtomicReference<>(() -> {});
  final House house =
      new House(
          grants ->
              new InterposedGrantTable(
                  ground(grants),
                  () -> {
                    copies.incrementAndGet();
                    beforeCopy.get().run();
                  }),
          UnaryOperator.identity());
  RawGuest sender;
  RawGuest receiver;

  /// What the copies are made by.
  GrantTable ground(GrantTable embedded) {
    return embedded;
  }

  /// Rings pass 2^32 within the first packets.
  @BeforeEach
  void connect() {
    sender = house.guest(-5).connect();
    receiver = house.guest(-3).connect();
    // Known from now on, so that nothing is flooded to it.
    receiver.queue().send(Frames.udp(2, 1, 60));
    house.settle();
    house.sink.take();
    assertThat(receiver.queue().statuses()).containsExactly(OKAY);
    copies.set(0);
  }

  @AfterEach
  void close() {
    assertThat(receiver.failures).isEmpty();
    house.close();
  }

  /// Fragments that end within the head, at its end, in the middle of the receiver's pages, and
  /// with them.
  @ParameterizedTest
  @CsvSource({
    "4097, 4096",
    "4097, 4090",
    "12000, 4096",
    "12000, 3000",
    "9000, 1000",
    "8192, 4096",
    "65000, 4096"
  })
  void arrivesAsItWasSent(int length, int fragment) {
    byte[] frame = Frames.udp(1, 2, length);
    receiver.queue().post(60);
    for (int i = 0; i < 3; i++) {
      sender.queue().send(frame, fragment, 0);
    }
    house.settle();
    assertThat(sender.queue().statuses()).containsOnly(OKAY);
    assertThat(receiver.queue().receive())
        .hasSize(3)
        .allSatisfy(received -> assertThat(received.octets()).isEqualTo(frame));
  }

  @ParameterizedTest
  @CsvSource({"14, 1, 7", "60, 2, 7", "127, 128, 7", "128, 129, 6", "129, 4000, 6"})
  void takesItsHeadFromSeveralFragments(int first, int second, int expected) {
    byte[] frame = Frames.udp(1, 2, 6000);
    receiver.queue().post(10);
    put(frame, first, second, Math.min(4000, 6000 - first - second));
    sender.queue().push();
    house.settle();
    assertThat(sender.queue().statuses()).containsOnly(OKAY);
    assertThat(receiver.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.octets()).isEqualTo(frame));
    // Pieces of the head in, the head out, and pieces of the rest, which end with fragments and
    // with the receiver's pages.
    assertThat(copies).hasValue(expected);
  }

  /// Puts a packet of fragments of these lengths, and one more with the rest; one without octets
  /// lies between each two.
  private void put(byte[] frame, int... lengths) {
    int at = 0;
    for (int i = 0; at < frame.length; i++) {
      int length = i < lengths.length ? lengths[i] : frame.length - at;
      RawGuest.Page page = sender.page(true);
      MemorySegment.copy(frame, at, page.memory(), ValueLayout.JAVA_BYTE, 4096 - length, length);
      boolean last = at + length == frame.length;
      int flags = last ? 0 : TxRequest.MORE_DATA;
      int size = at == 0 ? frame.length : length;
      sender.queue().put(new TxRequest(page.gref(), 4096 - length, flags, i, size));
      if (!last) {
        sender.queue().put(new TxRequest(page.gref(), 0, TxRequest.MORE_DATA, 100 + i, 0));
      }
      at += length;
    }
  }

  /// For an observer that is content with the head; another one has it copied twice.
  @ParameterizedTest
  @CsvSource({"128, 5", "129, 7"})
  void copiesTheRestOncePastAnObserverOfHeads(int snapLength, int expected) {
    byte[] frame = Frames.udp(1, 2, 12000);
    Witness witness = new Witness(snapLength);
    Observation observation = house.vswitch.observe(witness);
    receiver.queue().post(10);
    sender.queue().send(frame, 4096, 0);
    house.settle();
    observation.close();
    assertThat(receiver.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.octets()).isEqualTo(frame));
    assertThat(copies).hasValue(expected);
    assertThat(witness.take())
        .hasSize(3)
        .allSatisfy(seen -> assertThat(seen.octets()).isEqualTo(Arrays.copyOf(frame, snapLength)));
  }

  @Test
  void copiesTheRestOnce() {
    receiver.queue().post(10);
    sender.queue().send(Frames.udp(1, 2, 12000), 4096, 0);
    house.settle();
    assertThat(receiver.queue().receive()).hasSize(1);
    // The head in and out, and three fragments.
    assertThat(copies).hasValue(5);
  }

  /// A packet of a page is copied in and out, one that is longer by an octet is not.
  @ParameterizedTest
  @CsvSource({"4096, 4096, 2", "4096, 2048, 3", "4097, 4096, 4"})
  void copiesThroughPrivateMemoryWhatFitsAPage(int length, int fragment, int expected) {
    receiver.queue().post(10);
    sender.queue().send(Frames.udp(1, 2, length), fragment, 0);
    house.settle();
    assertThat(receiver.queue().receive()).hasSize(1);
    assertThat(copies).hasValue(expected);
  }

  /// What does not go to a ring is had at once the next time.
  @Test
  void copiesInAtOnceWhatGoesElsewhere() {
    byte[] frame = Frames.udp(1, 9, 12000);
    for (int i = 0; i < 3; i++) {
      sender.queue().send(frame, 4096, 0);
      house.settle();
    }
    assertThat(house.sink.take())
        .hasSize(3)
        .allSatisfy(copy -> assertThat(copy.octets()).isEqualTo(frame));
    assertThat(copies).hasValue(4 + 3 + 3);
  }

  @Test
  void floodsTheSameToAll() {
    byte[] frame = Frames.udp(1, 9, 12000);
    receiver.queue().post(10);
    sender.queue().send(frame, 4096, 0);
    house.settle();
    assertThat(receiver.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.octets()).isEqualTo(frame));
    assertThat(house.sink.take())
        .singleElement()
        .satisfies(copy -> assertThat(copy.octets()).isEqualTo(frame));
  }

  /// Each receiver's copies begin at the first fragment again.
  @Test
  void floodsTheSameToAllGuests() {
    RawGuest third = house.guest(-7).connect();
    byte[] frame = Frames.udp(1, 9, 12000);
    receiver.queue().post(10);
    third.queue().post(10);
    for (int i = 0; i < 2; i++) {
      sender.queue().send(frame, 3000, 0);
    }
    house.settle();
    for (RawGuest guest : List.of(receiver, third)) {
      assertThat(guest.queue().receive())
          .hasSize(2)
          .allSatisfy(received -> assertThat(received.octets()).isEqualTo(frame));
    }
  }

  /// Fragments at the beginning of their pages, with other octets behind them.
  @ParameterizedTest
  @ValueSource(ints = {1000, 3000, 4000})
  void copiesNothingBehindAFragment(int fragment) {
    byte[] frame = Frames.udp(1, 2, 12000);
    receiver.queue().post(10);
    for (int at = 0; at < frame.length; at += fragment) {
      RawGuest.Page page = sender.page(true);
      page.memory().fill((byte) 0x5a);
      MemorySegment.copy(frame, at, page.memory(), ValueLayout.JAVA_BYTE, 0, fragment);
      int flags = at + fragment < frame.length ? TxRequest.MORE_DATA : 0;
      sender.queue().put(new TxRequest(page.gref(), 0, flags, at, at == 0 ? 12000 : fragment));
    }
    sender.queue().push();
    house.settle();
    assertThat(sender.queue().statuses()).containsOnly(OKAY);
    assertThat(receiver.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.octets()).isEqualTo(frame));
    // The head in and out, and a copy wherever a fragment or the receiver's page ends.
    int ends = frame.length / fragment + 2;
    assertThat(copies).hasValue(2 + ends);
  }

  /// A receiver without buffers holds no page of the sender's.
  @Test
  void waitsInPrivateMemory() {
    byte[] frame = Frames.udp(1, 2, 12000);
    sender.queue().send(frame, 4096, 0);
    house.settle();
    assertThat(sender.queue().statuses()).containsExactly(OKAY, OKAY, OKAY);
    for (int i = 0; i < 3; i++) {
      sender.page(true).memory().fill((byte) 0x5a);
    }
    receiver.queue().post(10);
    house.settle();
    assertThat(receiver.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.octets()).isEqualTo(frame));
  }

  /// A sender's fault shows to the sender alone, and costs the receiver no buffer.
  @ParameterizedTest
  @CsvSource({"0", "1", "2"})
  void showsTheReceiverNothingOfAPacketThatCannotBeRead(int unreadable) {
    byte[] before = Frames.udp(1, 2, 60);
    byte[] broken = Frames.udp(1, 2, 12000);
    byte[] after = Frames.udp(1, 2, 10000);
    receiver.queue().post(20);
    sender.queue().send(before);
    for (int i = 0; i < 3; i++) {
      RawGuest.Page page = sender.page(true);
      MemorySegment.copy(broken, i * 4000, page.memory(), ValueLayout.JAVA_BYTE, 0, 4000);
      int gref = i == unreadable ? 1_000_000 : page.gref();
      int flags = i < 2 ? TxRequest.MORE_DATA : 0;
      sender.queue().put(new TxRequest(gref, 0, flags, 50 + i, i == 0 ? 12000 : 4000));
    }
    sender.queue().send(after, 4096, 0);
    house.settle();
    List<Integer> statuses = sender.queue().statuses();
    assertThat(statuses).hasSize(7).startsWith(OKAY).endsWith(OKAY, OKAY, OKAY);
    if (unreadable == 0) {
      // Without its beginning nothing of it is of use.
      assertThat(statuses.subList(1, 4)).containsOnly(ERROR);
    } else {
      assertThat(statuses.get(1 + unreadable)).isEqualTo(ERROR);
      assertThat(statuses).containsOnlyOnce(ERROR);
    }
    assertThat(receiver.queue().receive())
        .extracting(RawGuest.Received::octets)
        .containsExactly(before, after);
    assertThat(receiver.queue().posted).hasSize(20 - 1 - 3);
    assertThat(receiver.statistics().drops()).isEmpty();
    assertThat(sender.tx().copyFailures()).isEqualTo(1);
    if (unreadable > 0) {
      assertThat(sender.statistics().drops()).containsEntry(DropReason.UNREADABLE, 1L);
    }
  }

  /// What was taken back for a second attempt is not forgotten if there is none.
  @Test
  void countsWhatWasTakenBackWhenTheReceiverBreaksItsRing() {
    receiver.queue().post(6);
    sender.queue().send(Frames.udp(1, 2, 12000), 4096, 0);
    RawGuest.Page page = sender.page(true);
    MemorySegment.copy(Frames.udp(1, 2, 12000), 0, page.memory(), ValueLayout.JAVA_BYTE, 0, 4096);
    sender.queue().put(new TxRequest(page.gref(), 0, TxRequest.MORE_DATA, 50, 12000));
    sender.queue().put(new TxRequest(1_000_000, 0, TxRequest.MORE_DATA, 51, 4096));
    sender.queue().put(new TxRequest(1_000_000, 0, 0, 52, 3808));
    sender.queue().push();
    MemorySegment ring = receiver.queue().rxPage.memory();
    int broken = receiver.queue().rx.reqProdPvt() + 1000;
    // Both heads are private then, and both packets find slots that are known already.
    beforeCopy.set(
        () -> {
          if (copies.get() > 2) {
            SharedIndices.putReqProd(ring, broken);
          }
        });
    house.settle();
    assertThat(receiver.failures).singleElement().asString().contains("broken ring");
    receiver.failures.clear();
    assertThat(receiver.statistics().drops()).containsEntry(DropReason.PORT_DOWN, 1L);
    assertThat(sender.statistics().drops()).containsEntry(DropReason.UNREADABLE, 1L);
  }

  /// XSA-365: and nothing of what the memory held before.
  @Test
  void sendsNothingElsewhereOfAPacketThatCannotBeRead() {
    sender.queue().send(Frames.udp(1, 9, 12000), 4096, 0);
    RawGuest.Page page = sender.page(true);
    MemorySegment.copy(Frames.udp(1, 9, 12000), 0, page.memory(), ValueLayout.JAVA_BYTE, 0, 4096);
    sender.queue().put(new TxRequest(page.gref(), 0, TxRequest.MORE_DATA, 50, 8000));
    sender.queue().put(new TxRequest(1_000_000, 0, 0, 51, 3904));
    sender.queue().push();
    house.settle();
    assertThat(house.sink.take()).hasSize(1);
    assertThat(sender.queue().statuses()).containsExactly(OKAY, OKAY, OKAY, OKAY, ERROR);
    assertThat(sender.statistics().drops()).containsEntry(DropReason.UNREADABLE, 1L);
  }

  /// The receiver's fault is the receiver's alone.
  @Test
  void answersTheSenderWellWhenTheReceiversPageCannotBeWritten() {
    receiver.queue().post(1);
    receiver
        .queue()
        .postPage(
            new RawGuest.Page(MemorySegment.NULL, 1_000_000),
            300 + (receiver.queue().rx.reqProdPvt() & 0xff));
    receiver.queue().post(6);
    sender.queue().send(Frames.udp(1, 2, 8000), 4096, 0);
    byte[] after = Frames.udp(1, 2, 9000);
    sender.queue().send(after, 4096, 0);
    int slot = receiver.queue().rx.rspCons();
    house.settle();
    assertThat(sender.queue().statuses()).containsOnly(OKAY);
    assertThat(receiver.queue().rxResponses())
        .extracting(RxResponse::status)
        .containsExactly(4096, RxResponse.ERROR, 4096, 4096, 9000 - 2 * 4096);
    byte[] received = new byte[9000];
    for (int i = 0; i < 3; i++) {
      MemorySegment.copy(
          Objects.requireNonNull(receiver.queue().posted.get(slot + 2 + i & 0xff)).memory(),
          ValueLayout.JAVA_BYTE,
          0,
          received,
          i * 4096,
          Math.min(4096, 9000 - i * 4096));
    }
    assertThat(received).isEqualTo(after);
    assertThat(receiver.statistics().drops()).containsEntry(DropReason.DELIVERY_FAILED, 1L);
    assertThat(receiver.rx().frames()).isEqualTo(1);
    assertThat(sender.tx().copyFailures()).isZero();
    assertThat(sender.statistics().drops()).isEmpty();
  }

  /// What was judged is what arrives, though the sender changes it meanwhile.
  @Test
  void deliversTheHeadThatItWentBy() {
    byte[] frame = Frames.udp(1, 2, 8000);
    receiver.queue().post(10);
    RawGuest.Page first = sender.page(true);
    RawGuest.Page second = sender.page(true);
    MemorySegment.copy(frame, 0, first.memory(), ValueLayout.JAVA_BYTE, 0, 4096);
    MemorySegment.copy(frame, 4096, second.memory(), ValueLayout.JAVA_BYTE, 0, 3904);
    beforeCopy.set(
        () -> {
          if (copies.get() == 2) {
            first.memory().asSlice(0, TxRound.HEAD).fill((byte) 0x5a);
          }
        });
    sender.queue().put(new TxRequest(first.gref(), 0, TxRequest.MORE_DATA, 0, 8000));
    sender.queue().put(new TxRequest(second.gref(), 0, 0, 1, 3904));
    sender.queue().push();
    house.settle();
    assertThat(first.memory().get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 0x5a);
    assertThat(receiver.queue().receive())
        .singleElement()
        .satisfies(received -> assertThat(received.octets()).isEqualTo(frame));
  }

  /// The headers go on behind what is private, in a page that cannot be read: the packet is not
  /// taken for one whose offload is nonsense, nor for a good one.
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void answersAPacketWhoseHeadersCannotBeRead(boolean alone) {
    byte[] frame = Frames.tcpv6(1, 2, 8000);
    // Destination options of 248 octets in front of TCP.
    byte[] longer = new byte[frame.length + 248];
    System.arraycopy(frame, 0, longer, 0, 54);
    System.arraycopy(frame, 54, longer, 54 + 248, frame.length - 54);
    int total = TxRound.HEAD + 4096;
    longer[18] = (byte) (total - 54 >> 8);
    longer[19] = (byte) (total - 54);
    longer[20] = 60;
    longer[54] = 6;
    longer[55] = 30;
    longer[56] = 1;
    longer[57] = (byte) 244;
    RawGuest.Page page = sender.page(true);
    MemorySegment.copy(longer, 0, page.memory(), ValueLayout.JAVA_BYTE, 0, TxRound.HEAD);
    receiver.queue().post(10);
    if (!alone) {
      sender.queue().send(Frames.udp(1, 2, 60));
    }
    int more = TxRequest.MORE_DATA;
    sender.queue().put(new TxRequest(page.gref(), 0, more | TxRequest.EXTRA_INFO, 50, total));
    sender.queue().put(new ExtraInfo.Gso(0, 1400, ExtraInfo.GSO_TYPE_TCPV6, 0));
    sender.queue().put(new TxRequest(1_000_000, 0, 0, 51, 4096));
    sender.queue().push();
    house.settle();
    List<Integer> statuses = sender.queue().statuses();
    assertThat(statuses.subList(alone ? 0 : 1, statuses.size()))
        .containsExactly(OKAY, TxResponse.NULL, ERROR);
    assertThat(receiver.queue().receive()).hasSize(alone ? 0 : 1);
    assertThat(sender.tx().copyFailures()).isEqualTo(1);
    assertThat(sender.statistics().drops())
        .containsOnlyKeys(DropReason.UNREADABLE)
        .containsEntry(DropReason.UNREADABLE, 1L);
  }

  /// A port that takes whole frames only, known by its address, so that nothing is flooded.
  @Test
  void makesFramesWholeForOtherPorts() {
    house.vswitch.network("default").addStatic(new MacAddress(0x0016_3e00_0009L), house.sinkPort);
    byte[] frame = Frames.udp(1, 9, 12000);
    sender.queue().send(frame, 4096, 0);
    RawGuest.Page page = sender.page(true);
    MemorySegment.copy(frame, 0, page.memory(), ValueLayout.JAVA_BYTE, 0, 4096);
    sender.queue().put(new TxRequest(page.gref(), 0, TxRequest.MORE_DATA, 50, 8000));
    sender.queue().put(new TxRequest(1_000_000, 0, 0, 51, 3904));
    sender.queue().send(frame, 3000, 0);
    house.settle();
    assertThat(house.sink.take())
        .hasSize(2)
        .allSatisfy(copy -> assertThat(copy.octets()).isEqualTo(frame));
    assertThat(sender.queue().statuses())
        .containsExactly(OKAY, OKAY, OKAY, OKAY, ERROR, OKAY, OKAY, OKAY, OKAY);
    assertThat(sender.statistics().drops()).containsEntry(DropReason.UNREADABLE, 1L);
  }

  /// After a while it is tried again.
  @Test
  void leavesTheRestWithTheSenderAgainLater() {
    byte[] elsewhere = Frames.udp(1, 9, 8000);
    sender.queue().send(elsewhere, 4096, 0);
    house.settle();
    for (int i = 0; i < 63; i++) {
      sender.queue().send(Frames.udp(1, 9, 60));
      house.settle();
    }
    copies.set(0);
    sender.queue().send(elsewhere, 4096, 0);
    house.settle();
    assertThat(copies).hasValue(2);
    copies.set(0);
    sender.queue().send(elsewhere, 4096, 0);
    house.settle();
    assertThat(copies).hasValue(3);
    assertThat(sender.queue().statuses()).containsOnly(OKAY);
  }

  /// So many rounds that long packets are left with the sender again.
  private void shortRounds() {
    for (int i = 0; i < 64; i++) {
      sender.queue().send(Frames.udp(1, 9, 60));
      house.settle();
      assertThat(sender.queue().statuses()).containsExactly(OKAY);
    }
    house.sink.take();
  }

  /// Far more often than a round has room for, whether the port is known or not.
  @Test
  void pullsInWithoutEnd() {
    house.vswitch.network("default").addStatic(new MacAddress(0x0016_3e00_0008L), house.sinkPort);
    for (int to : new int[] {8, 9}) {
      byte[] frame = Frames.udp(1, to, 8000);
      for (int i = 0; i < 130; i++) {
        sender.queue().send(frame, 4096, 0);
        house.settle();
        assertThat(sender.queue().statuses()).containsExactly(OKAY, OKAY);
        assertThat(house.sink.take())
            .singleElement()
            .satisfies(copy -> assertThat(copy.octets()).isEqualTo(frame));
        shortRounds();
      }
    }
  }

  /// What could not be read of one packet says nothing of another.
  @Test
  void answersTheSlotsOfEachPacketThatCannotBeRead() {
    for (int good = 2; good > 0; good--) {
      List<Integer> expected = new ArrayList<>();
      int total = 4000 * (good + 1);
      for (int i = 0; i < good; i++) {
        RawGuest.Page page = sender.page(true);
        if (i == 0) {
          byte[] head = Frames.udp(1, 9, 4000);
          MemorySegment.copy(head, 0, page.memory(), ValueLayout.JAVA_BYTE, 0, head.length);
        }
        int size = i == 0 ? total : 4000;
        sender.queue().put(new TxRequest(page.gref(), 0, TxRequest.MORE_DATA, i, size));
        expected.add(OKAY);
      }
      sender.queue().put(new TxRequest(1_000_000, 0, 0, 50, 4000));
      expected.add(ERROR);
      sender.queue().push();
      house.settle();
      assertThat(sender.queue().statuses()).isEqualTo(expected);
      assertThat(house.sink.take()).isEmpty();
      shortRounds();
    }
    assertThat(sender.failures).isEmpty();
    assertThat(sender.statistics().drops()).containsEntry(DropReason.UNREADABLE, 2L);
  }
}
