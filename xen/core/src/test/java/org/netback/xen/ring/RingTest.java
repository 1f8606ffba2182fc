package org.netback.xen.ring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Both halves on one page. Starts are such that indices pass 2^31 and 2^32.
class RingTest {
  private static final int SLOT = 12;
  private static final int SIZE = 256;
  private static final int REQ_PROD = 0;
  private static final int REQ_EVENT = 4;
  private static final int RSP_PROD = 8;
  private static final int RSP_EVENT = 12;

  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);

  @ParameterizedTest
  @CsvSource({"12, 256", "8, 256", "16, 128", "112, 32"})
  void hasAsManySlotsAsFitRoundedDownToAPowerOfTwo(int slotSize, int slots) {
    assertThat(FrontRing.initialise(page, slotSize).size()).isEqualTo(slots);
  }

  /// blkif.h: 32 requests of 112 octets in a page, 512 in sixteen.
  @ParameterizedTest
  @CsvSource({
    "1, 112, 32",
    "2, 112, 64",
    "4, 112, 128",
    "8, 112, 256",
    "16, 112, 512",
    "16, 12, 4096"
  })
  void takesSeveralPagesForMoreSlots(int pages, int slotSize, int slots) throws RingViolation {
    MemorySegment all = Arena.ofAuto().allocate(4096L * pages, 4096);
    FrontRing front = FrontRing.initialiseAt(all, slotSize, -slots / 2 - 1);
    BackRing back = BackRing.attach(all, slotSize);
    assertThat(back.size()).isEqualTo(slots);
    for (int i = 0; i < slots; i++) {
      front.putRequest(new Word(i));
    }
    front.push();
    assertThat(front.freeRequests()).isZero();
    assertThat(back.unconsumedRequests()).isEqualTo(slots);
    for (int i = 0; i < slots; i++) {
      int value = Word.read(back.copyRequest());
      assertThat(value).isEqualTo(i);
      back.putResponse(new Word(~value));
    }
    back.push();
    assertThat(front.unconsumedResponses()).isEqualTo(slots);
    for (int i = 0; i < slots; i++) {
      assertThat(Word.read(front.copyResponse())).isEqualTo(~i);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4095, 4097, 3 * 4096, 32 * 4096})
  void refusesWhatIsNoPowerOfTwoOfPages(int octets) {
    MemorySegment memory = Arena.ofAuto().allocate(Math.max(1, octets)).asSlice(0, octets);
    assertThatThrownBy(() -> BackRing.attach(memory, SLOT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(octets + " octets");
  }

  @Test
  void initialisesThePageAsTheHeaderSays() {
    page.fill((byte) 0xaa);

    FrontRing.initialise(page, SLOT);

    assertThat(page.asSlice(0, 16).toArray(ValueLayout.JAVA_INT)).containsExactly(0, 1, 0, 1);
    assertThat(page.asSlice(16, 48).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, Integer.MAX_VALUE})
  void bothEndsWantTheFirstMessageAnnouncedWhereverTheyStart(int start) throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
    assertThat(page.asSlice(0, 16).toArray(ValueLayout.JAVA_INT))
        .containsExactly(start, start + 1, start, start + 1);
    assertThat(front.reqProdPvt()).isEqualTo(start);
    assertThat(front.rspCons()).isEqualTo(start);
    BackRing back = BackRing.attach(page, SLOT);
    front.putRequest(new Word(1));
    assertThat(front.push()).isTrue();
    back.unconsumedRequests();
    back.takeRequest();
    back.putResponse(1);
    assertThat(back.push()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, -100, -256, Integer.MAX_VALUE - 100})
  void carriesRequestsAndResponsesInOrderRoundTheRing(int start) throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
    BackRing back = BackRing.attach(page, SLOT);
    int sent = 0;
    int answered = 0;
    for (int round = 0; round < 40; round++) {
      int lot = 1 + round * 7 % SIZE;
      for (int i = 0; i < lot; i++) {
        front.putRequest(new Word(sent++));
      }
      front.push();
      assertThat(back.unconsumedRequests()).isEqualTo(lot);
      for (int i = 0; i < lot; i++) {
        int value = Word.read(back.copyRequest());
        back.putResponse(new Word(~value));
      }
      assertThat(back.unconsumedRequests()).isZero();
      back.push();
      assertThat(front.unconsumedResponses()).isEqualTo(lot);
      for (int i = 0; i < lot; i++) {
        assertThat(Word.read(front.copyResponse())).isEqualTo(~answered++);
      }
    }
    assertThat(answered).isEqualTo(sent);
  }

  @Test
  void putsAResponseIntoTheSlotOfItsRequest() throws RingViolation {
    FrontRing front = FrontRing.initialise(page, SLOT);
    BackRing back = BackRing.attach(page, SLOT);
    front.putRequest(new Word(1));
    front.putRequest(new Word(2));
    front.push();
    back.unconsumedRequests();
    back.copyRequest();
    back.copyRequest();

    back.putResponse(new Word(10));
    back.putResponse(new Word(20));

    assertThat(page.get(ValueLayout.JAVA_INT, 64)).isEqualTo(1);
    back.push();
    assertThat(page.get(ValueLayout.JAVA_INT, 64)).isEqualTo(10);
    assertThat(page.get(ValueLayout.JAVA_INT, 64 + SLOT)).isEqualTo(20);
  }

  /// Else a guest that posts while responses are put would have the backend consume without end.
  @ParameterizedTest
  @ValueSource(ints = {0, -5, Integer.MAX_VALUE})
  void countsResponsesThatAreNotPushedAsSlotsInUse(int start) throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
    BackRing back = BackRing.attach(page, SLOT);
    for (int i = 0; i < 10; i++) {
      front.putRequest(new Word(i));
    }
    front.push();
    back.unconsumedRequests();
    for (int i = 0; i < 10; i++) {
      back.takeRequest();
      back.putResponse(i);
    }
    page.set(ValueLayout.JAVA_INT, 0, start + SIZE);
    assertThat(back.unconsumedRequests()).isEqualTo(SIZE - 10);
    page.set(ValueLayout.JAVA_INT, 0, start + SIZE + 1);
    assertThatThrownBy(back::unconsumedRequests).isInstanceOf(RingViolation.class);
    back.push();
    assertThat(back.unconsumedRequests()).isEqualTo(SIZE - 9);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -2, Integer.MAX_VALUE})
  void amendsAResponseUntilItIsPushed(int start) throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
    BackRing back = BackRing.attach(page, SLOT);
    for (int i = 0; i < 3; i++) {
      front.putRequest(new Word(i));
    }
    front.push();
    back.unconsumedRequests();
    for (int i = 0; i < 3; i++) {
      back.takeRequest();
      back.putResponse(10 + i);
    }
    assertThat((int) back.response(start + 1)).isEqualTo(11);

    for (int index : new int[] {start - 1, start + 3, start + SIZE, start + 1 - SIZE}) {
      assertThatThrownBy(() -> back.amendResponse(index, 1))
          .isInstanceOf(IllegalStateException.class);
    }
    back.amendResponse(start + 1, 77);
    back.amendResponse(start + 2, 5L << 32 | 78);
    back.push();

    assertThat(front.unconsumedResponses()).isEqualTo(3);
    assertThat(front.copyResponse().get(ValueLayout.JAVA_INT, 0)).isEqualTo(10);
    assertThat(front.copyResponse().get(ValueLayout.JAVA_INT, 0)).isEqualTo(77);
    MemorySegment last = front.copyResponse();
    assertThat(last.get(ValueLayout.JAVA_INT, 0)).isEqualTo(78);
    assertThat(last.get(ValueLayout.JAVA_INT, 4)).isEqualTo(5);
    for (int index : new int[] {start - 1, start, start + 2, start + 3}) {
      assertThatThrownBy(() -> back.amendResponse(index, 1))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> back.response(index)).isInstanceOf(IllegalStateException.class);
    }
  }

  /// Both words of a response, and only the first where only that is written.
  @Test
  void putsResponsesByWords() throws RingViolation {
    FrontRing front = FrontRing.initialise(page, SLOT);
    BackRing back = BackRing.attach(page, SLOT);
    for (int i = 0; i < 2; i++) {
      front.requestSlot().fill((byte) 0x66);
      front.putRequest();
    }
    front.push();
    back.unconsumedRequests();
    back.takeRequest();
    back.takeRequest();

    back.putResponse(0x8765_4321_89ab_cdefL);
    back.putResponse(0xfedc_ba98);

    assertThat(back.response(0)).isEqualTo(0x8765_4321_89ab_cdefL);
    assertThat(back.response(1)).isEqualTo(0x6666_6666_fedc_ba98L);
    back.push();
    assertThat(page.asSlice(64, 24).toArray(ValueLayout.JAVA_INT))
        .containsExactly(
            0x89ab_cdef, 0x8765_4321, 0x6666_6666, 0xfedc_ba98, 0x6666_6666, 0x6666_6666);
  }

  /// A look at what comes next changes nothing, and what is copied out is read no second time.
  @Test
  void copiesOutWithoutTaking() throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, -1);
    BackRing back = BackRing.attach(page, SLOT);
    back.copyRequests();
    assertThatThrownBy(back::peekRequest).isInstanceOf(IllegalStateException.class);
    front.putRequest(new Word(7));
    front.putRequest(new Word(8));
    front.push();
    back.unconsumedRequests();
    back.copyRequests();
    new Word(9).writeTo(page.asSlice(64, SLOT));
    new Word(9).writeTo(page.asSlice(64 + SLOT * (SIZE - 1L), SLOT));
    back.copyRequests();
    assertThat(Word.read(back.peekRequest())).isEqualTo(7);
    assertThat(Word.read(back.peekRequest())).isEqualTo(7);
    assertThat(Word.read(back.copyRequest())).isEqualTo(7);
    assertThat(Word.read(back.copyRequest())).isEqualTo(8);
    assertThat(back.slotAt(-1)).isEqualTo(SLOT / 4 * (SIZE - 1));
    back.copyRequests();
    assertThat(back.unconsumedRequests()).isZero();
  }

  /// Of what its predecessor has pushed without notifying.
  @ParameterizedTest
  @CsvSource({"-1, true", "0, true", "1, false", "2, false"})
  void owesANotificationOfWhatIsPushedAndWasAskedFor(int ahead, boolean owed) throws RingViolation {
    for (int start : new int[] {0, -1, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      FrontRing.initialiseAt(page, SLOT, start);
      BackRing back = BackRing.attach(page, SLOT);
      page.set(ValueLayout.JAVA_INT, RSP_EVENT, start + ahead);
      assertThat(back.owesNotification()).isEqualTo(owed);
    }
  }

  /// As if nothing had been taken since the last push; and what the slots hold by then is what
  /// counts.
  @ParameterizedTest
  @ValueSource(ints = {0, -3, -256, SIZE - 4, Integer.MAX_VALUE - 2})
  void givesBackWhatWasTakenSinceTheLastPush(int start) throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
    BackRing back = BackRing.attach(page, SLOT);
    for (int i = 0; i < 8; i++) {
      front.putRequest(new Word(i));
    }
    front.push();
    assertThat(back.unconsumedRequests()).isEqualTo(8);
    assertThat(Word.read(back.copyRequest())).isZero();
    back.putResponse(new Word(100));
    back.push();
    for (int i = 1; i < 6; i++) {
      assertThat(Word.read(back.copyRequest())).isEqualTo(i);
      back.putResponse(new Word(200 + i));
    }

    back.rewind();

    assertThat(back.reqCons()).isEqualTo(start + 1);
    assertThat(back.rspProdPvt()).isEqualTo(start + 1);
    new Word(77).writeTo(page.asSlice(64 + SLOT * (start + 2 & SIZE - 1), SLOT));
    assertThat(back.unconsumedRequests()).isEqualTo(7);
    for (int i = 1; i < 8; i++) {
      assertThat(Word.read(back.copyRequest())).isEqualTo(i == 2 ? 77 : i);
      back.putResponse(new Word(300 + i));
    }
    back.push();
    assertThat(front.unconsumedResponses()).isEqualTo(8);
    assertThat(Word.read(front.copyResponse())).isEqualTo(100);
    for (int i = 1; i < 8; i++) {
      assertThat(Word.read(front.copyResponse())).isEqualTo(300 + i);
    }
    assertThat(back.unconsumedRequests()).isZero();
  }

  @Test
  void takesAPrivateCopyOfARequest() throws RingViolation {
    FrontRing front = FrontRing.initialise(page, SLOT);
    BackRing back = BackRing.attach(page, SLOT);
    front.putRequest(new Word(7));
    front.push();
    back.unconsumedRequests();

    MemorySegment copy = back.copyRequest();
    page.set(ValueLayout.JAVA_INT, 64, 8);

    assertThat(Word.read(copy)).isEqualTo(7);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -3, Integer.MIN_VALUE})
  void attachesWhereResponsesStandAndTakesWhatWasNotAnswered(int start) throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
    BackRing dead = BackRing.attach(page, SLOT);
    for (int i = 0; i < 10; i++) {
      front.putRequest(new Word(i));
    }
    front.push();
    dead.unconsumedRequests();
    for (int i = 0; i < 6; i++) {
      dead.copyRequest();
    }
    for (int i = 0; i < 4; i++) {
      dead.putResponse(new Word(i));
    }
    dead.push();

    BackRing successor = BackRing.attach(page, SLOT);

    assertThat(successor.unconsumedRequests()).isEqualTo(6);
    assertThat(Word.read(successor.copyRequest())).isEqualTo(4);
    successor.putResponse(new Word(4));
    successor.push();
    assertThat(front.unconsumedResponses()).isEqualTo(5);
  }

  @ParameterizedTest
  @ValueSource(ints = {257, 1000, Integer.MAX_VALUE, Integer.MIN_VALUE, -1})
  void refusesToAttachToImpossibleIndices(int ahead) {
    for (int start : new int[] {0, -1, -200, Integer.MAX_VALUE}) {
      FrontRing.initialiseAt(page, SLOT, start);
      page.set(ValueLayout.JAVA_INT, REQ_PROD, start + ahead);
      assertThatThrownBy(() -> BackRing.attach(page, SLOT)).isInstanceOf(RingViolation.class);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {257, 1 << 20, Integer.MAX_VALUE, Integer.MIN_VALUE, -1, -256})
  void detectsAProducerThatJumps(int ahead) throws RingViolation {
    for (int start : new int[] {0, -1, -200, Integer.MAX_VALUE}) {
      FrontRing.initialiseAt(page, SLOT, start);
      BackRing back = BackRing.attach(page, SLOT);
      page.set(ValueLayout.JAVA_INT, REQ_PROD, start + ahead);

      assertThatThrownBy(back::unconsumedRequests).isInstanceOf(RingViolation.class);
      assertThatThrownBy(back::finalCheck).isInstanceOf(RingViolation.class);
    }
  }

  @Test
  void detectsAProducerThatTakesBackWhatWasConsumed() throws RingViolation {
    for (int start : new int[] {0, -2, Integer.MAX_VALUE - 1}) {
      FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
      BackRing back = BackRing.attach(page, SLOT);
      for (int i = 0; i < 5; i++) {
        front.putRequest(new Word(i));
      }
      front.push();
      back.unconsumedRequests();
      back.copyRequest();
      back.copyRequest();

      page.set(ValueLayout.JAVA_INT, REQ_PROD, start + 1);

      assertThatThrownBy(back::unconsumedRequests).isInstanceOf(RingViolation.class);
    }
  }

  @Test
  void countsConsumedButUnansweredRequestsAsHoldingTheirSlots() throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, -10);
    BackRing back = BackRing.attach(page, SLOT);
    for (int i = 0; i < SIZE; i++) {
      front.putRequest(new Word(i));
    }
    front.push();
    assertThat(back.unconsumedRequests()).isEqualTo(SIZE);
    for (int i = 0; i < SIZE; i++) {
      back.copyRequest();
    }
    assertThat(back.unconsumedRequests()).isZero();

    page.set(ValueLayout.JAVA_INT, REQ_PROD, -10 + SIZE + 1);

    assertThatThrownBy(back::unconsumedRequests).isInstanceOf(RingViolation.class);
  }

  @Test
  void refusesOurOwnMistakes() throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, -1);
    BackRing back = BackRing.attach(page, SLOT);
    assertThatThrownBy(back::copyRequest).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> back.putResponse(new Word(0)))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(front::copyResponse).isInstanceOf(IllegalStateException.class);
    for (int i = 0; i < SIZE; i++) {
      front.putRequest(new Word(i));
    }
    assertThatThrownBy(() -> front.putRequest(new Word(0)))
        .isInstanceOf(IllegalStateException.class);
    front.push();
    // Published is not checked.
    assertThatThrownBy(back::copyRequest).isInstanceOf(IllegalStateException.class);
  }

  /// The peer's event index relative to where the pushed messages began: it is notified if the
  /// index lies among them, the first counted as 1.
  @ParameterizedTest
  @CsvSource({
    "0, false",
    "1, true",
    "2, true",
    "3, true",
    "4, false",
    "5, false",
    "-1, false",
    "2147483647, false",
    "-2147483648, false"
  })
  void notifiesIffTheEventIndexIsAmongThePushed(int event, boolean notified) throws RingViolation {
    for (int start : new int[] {0, -1, -2, -3, -4, Integer.MAX_VALUE - 1, Integer.MIN_VALUE}) {
      FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
      BackRing back = BackRing.attach(page, SLOT);
      for (int i = 0; i < 3; i++) {
        front.putRequest(new Word(i));
      }
      page.set(ValueLayout.JAVA_INT, REQ_EVENT, start + event);
      assertThat(front.push()).as("requests from %d", start).isEqualTo(notified);
      back.unconsumedRequests();
      for (int i = 0; i < 3; i++) {
        back.copyRequest();
        back.putResponse(new Word(i));
      }
      page.set(ValueLayout.JAVA_INT, RSP_EVENT, start + event);
      assertThat(back.push()).as("responses from %d", start).isEqualTo(notified);
    }
  }

  @Test
  void notifiesAtMostOncePerPushWhateverTheEventIndexSays() throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, -5);
    BackRing back = BackRing.attach(page, SLOT);
    for (int i = 0; i < 10; i++) {
      front.putRequest(new Word(i));
    }
    front.push();
    back.unconsumedRequests();
    for (int i = 0; i < 10; i++) {
      back.copyRequest();
      back.putResponse(new Word(i));
    }
    page.set(ValueLayout.JAVA_INT, RSP_EVENT, 0);

    assertThat(back.push()).isTrue();
    // Nothing new: a hostile index cannot ask for more.
    for (int event = -300; event < 300; event++) {
      page.set(ValueLayout.JAVA_INT, RSP_EVENT, event);
      assertThat(back.push()).isFalse();
    }
  }

  @Test
  void doesNotTakeItsOwnResponsesFromWhatTheGuestWroteOverThem() throws RingViolation {
    FrontRing front = FrontRing.initialise(page, SLOT);
    BackRing back = BackRing.attach(page, SLOT);
    front.putRequest(new Word(1));
    front.push();
    back.unconsumedRequests();
    back.copyRequest();
    back.putResponse(new Word(1));
    page.set(ValueLayout.JAVA_INT, RSP_PROD, 77);

    assertThat(back.push()).isTrue();
    assertThat(page.get(ValueLayout.JAVA_INT, RSP_PROD)).isEqualTo(1);
  }

  @Test
  void finalCheckArmsTheEventForTheNextRequest() throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, -1);
    BackRing back = BackRing.attach(page, SLOT);
    front.putRequest(new Word(1));
    front.push();
    assertThat(back.finalCheck()).isTrue();
    back.unconsumedRequests();
    back.copyRequest();

    assertThat(back.finalCheck()).isFalse();
    assertThat(page.get(ValueLayout.JAVA_INT, REQ_EVENT)).isEqualTo(1);
    front.putRequest(new Word(2));
    assertThat(front.push()).isTrue();
    front.putRequest(new Word(3));
    assertThat(front.push()).isFalse();
  }

  @Test
  void armsAnEventFurtherAhead() throws RingViolation {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, -2);
    BackRing back = BackRing.attach(page, SLOT);
    back.armRequestEvent(3);

    for (boolean expected : new boolean[] {false, false, true, false}) {
      front.putRequest(new Word(0));
      assertThat(front.push()).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 257, -1, Integer.MIN_VALUE})
  void theFrontDetectsResponsesThatItDidNotAskFor(int ahead) {
    FrontRing front = FrontRing.initialiseAt(page, SLOT, -1);
    page.set(ValueLayout.JAVA_INT, RSP_PROD, -1 + ahead);

    assertThatThrownBy(front::unconsumedResponses).isInstanceOf(RingViolation.class);
  }

  @Test
  void refusesAPageThatIsNone() {
    assertThatThrownBy(() -> BackRing.attach(page.asSlice(0, 4095), SLOT))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> BackRing.attach(page, 10))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
