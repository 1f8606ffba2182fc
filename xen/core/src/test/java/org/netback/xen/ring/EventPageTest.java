package org.netback.xen.ring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Both ends on one page, with the lengths of kbdif.h: 51 and 25 slots of 40 octets.
class EventPageTest {
  private static final int SLOT = 40;
  private static final RingHalf IN = new RingHalf(1024, 51, 0, 4);
  private static final RingHalf OUT = new RingHalf(3072, 25, 8, 12);

  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
  private final MemorySegment slot = Arena.ofAuto().allocate(SLOT, 8);

  private EventPage guest() throws RingViolation {
    return EventPage.attach(page, IN, OUT, SLOT);
  }

  private EventPage backend() throws RingViolation {
    return EventPage.attach(page, OUT, IN, SLOT);
  }

  private void startAt(int index) {
    for (RingHalf half : new RingHalf[] {IN, OUT}) {
      page.set(ValueLayout.JAVA_INT, half.cons(), index);
      page.set(ValueLayout.JAVA_INT, half.prod(), index);
    }
  }

  /// From whichever index on, past 2^32, whatever the taker's pace.
  @ParameterizedTest
  @ValueSource(ints = {0, -1, -24, -25, -26, -51, -120, Integer.MAX_VALUE - 30})
  void carriesEveryEventOnceAndInOrderAcrossTheWrap(int start) throws RingViolation {
    startAt(start);
    EventPage backend = backend();
    EventPage guest = guest();
    Random random = new Random(start);
    int put = 0;
    int taken = 0;
    while (taken < 400) {
      int most = Math.min(backend.room(), random.nextInt(60));
      for (int i = 0; i < most; i++) {
        backend.put(new Word(put++));
      }
      backend.publish();
      int waiting = guest.waiting();
      assertThat(waiting).isEqualTo(put - taken);
      int some = random.nextInt(waiting + 1);
      for (int i = 0; i < some; i++) {
        guest.take(slot);
        assertThat(Word.read(slot)).isEqualTo(taken++);
      }
      guest.publishTaken();
    }
  }

  @Test
  void fillsARingToItsLastSlotAwayFromTheWrap() throws RingViolation {
    EventPage backend = backend();
    for (int i = 0; i < 51; i++) {
      assertThat(backend.room()).isEqualTo(51 - i);
      backend.put(new Word(i));
    }
    backend.publish();
    assertThat(backend.room()).isZero();
    assertThat(guest().waiting()).isEqualTo(51);
  }

  /// 2^32 is no multiple of 51: the slots before and after the jump are the same ones.
  @Test
  void putsNothingPastTheJumpUntilWhatIsBeforeItWasTaken() throws RingViolation {
    startAt(-3);
    EventPage backend = backend();
    EventPage guest = guest();
    assertThat(backend.room()).isEqualTo(3);
    for (int i = 0; i < 3; i++) {
      backend.put(new Word(i));
    }
    backend.publish();
    assertThat(backend.room()).isZero();
    guest.waiting();
    guest.take(slot);
    guest.publishTaken();
    assertThat(backend.room()).isZero();
    guest.take(slot);
    guest.take(slot);
    guest.publishTaken();
    assertThat(backend.room()).isEqualTo(51);
  }

  @Test
  void showsNothingBeforeItIsPublished() throws RingViolation {
    EventPage backend = backend();
    EventPage guest = guest();
    backend.put(new Word(1));
    assertThat(guest.waiting()).isZero();
    backend.publish();
    assertThat(guest.waiting()).isEqualTo(1);
    guest.take(slot);
    assertThat(backend.room()).isEqualTo(50);
    guest.publishTaken();
    assertThat(backend.room()).isEqualTo(51);
    assertThatThrownBy(() -> guest.take(slot)).isInstanceOf(IllegalStateException.class);
  }

  @ParameterizedTest
  @ValueSource(ints = {26, -1, Integer.MIN_VALUE})
  void refusesIndicesThatCannotBeTrue(int claimed) throws RingViolation {
    EventPage backend = backend();
    page.set(ValueLayout.JAVA_INT, OUT.prod(), claimed);
    assertThatThrownBy(backend::waiting)
        .isInstanceOf(RingViolation.class)
        .hasMessageContaining("of a ring of 25 events");
    page.set(ValueLayout.JAVA_INT, OUT.prod(), 25);
    assertThat(backend.waiting()).isEqualTo(25);
    page.set(ValueLayout.JAVA_INT, IN.cons(), 1); // of none that was put
    assertThatThrownBy(backend::room).isInstanceOf(RingViolation.class);
    assertThatThrownBy(this::backend).isInstanceOf(RingViolation.class);
  }

  @Test
  void goesByPrivateCopiesOfItsOwnIndices() throws RingViolation {
    EventPage backend = backend();
    page.set(ValueLayout.JAVA_INT, IN.prod(), 40);
    page.set(ValueLayout.JAVA_INT, OUT.cons(), 17);
    assertThat(backend.waiting()).isZero();
    assertThat(backend.room()).isEqualTo(51);
    backend.put(new Word(1));
    backend.publish();
    assertThat(page.get(ValueLayout.JAVA_INT, IN.prod())).isEqualTo(1);
  }
}
