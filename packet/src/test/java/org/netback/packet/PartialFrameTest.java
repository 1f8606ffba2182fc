package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PartialFrameTest {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 8, 1 << 16);
  private final byte[] octets = new byte[300];
  private final ArrayLender lender = new ArrayLender();

  PartialFrameTest() {
    new Random(7).nextBytes(octets);
  }

  private Frame partial(int head) {
    return lender.lend(arena, octets, head);
  }

  /// An octet of the frame; zeros behind it.
  private int u8(int at) {
    return at < octets.length ? octets[at] & 0xff : 0;
  }

  @Test
  void leavesTheRestWhereItIsUntilItIsAskedFor() {
    Frame frame = partial(100);
    assertThat(frame.isWhole()).isFalse();
    assertThat(frame.u8(99)).isEqualTo(u8(99));
    assertThat(frame.u16(98)).isEqualTo(u8(98) << 8 | u8(99));
    frame.need(100);
    assertThat(lender.pulls()).isZero();
    frame.need(101);
    assertThat(lender.pulls()).isEqualTo(1);
    assertThat(frame.u16(99)).isEqualTo(u8(99) << 8 | u8(100));
    assertThat(frame.isWhole()).isTrue();
    assertThat(frame.pull()).isTrue();
    assertThat(frame.octets().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(octets);
    assertThat(lender.pulls()).isEqualTo(1);
  }

  @Test
  void readsAsZerosWhatIsLost() {
    lender.lose();
    Frame frame = partial(100);
    frame.memory().set(ValueLayout.JAVA_BYTE, frame.offset() + 300, (byte) 0x55);
    assertThat(frame.head()).isEqualTo(100);
    frame.need(102);
    assertThat(frame.i32(98) & 0xffff).isZero();
    assertThat(frame.isTorn()).isTrue();
    assertThat(frame.pull()).isFalse();
    assertThat(frame.u8(299)).isZero();
    assertThat(frame.u8(99)).isEqualTo(u8(99));
    assertThat(lender.pulls()).isEqualTo(1);
    assertThat(frame.head()).isEqualTo(300);
    assertThat(frame.intact()).isEqualTo(100);
    // What lies before its head and behind its end is left alone, as is the next in its place.
    assertThat(frame.memory().get(ValueLayout.JAVA_BYTE, frame.offset() + 300))
        .isEqualTo((byte) 0x55);
    arena.clear();
    assertThat(arena.allocate(60).isTorn()).isFalse();
  }

  @Test
  void isIntactAsFarAsItIsPrivate() {
    Frame frame = partial(100);
    assertThat(frame.intact()).isEqualTo(100);
    assertThat(frame.pull()).isTrue();
    assertThat(frame.intact()).isEqualTo(300);
    frame.truncate(200);
    assertThat(frame.intact()).isEqualTo(200);
  }

  @Test
  void readsAsZerosIfAllOfItIsLost() {
    Frame frame = arena.allocate(60);
    frame.octets().fill((byte) 0x77);
    frame.lose();
    assertThat(frame.isTorn()).isTrue();
    assertThat(frame.intact()).isZero();
    assertThat(frame.octets().toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    arena.clear();
    assertThat(arena.allocate(60).intact()).isEqualTo(60);
  }

  @Test
  void pullsThoseOfABatchThatLackSomething() {
    FrameBatch batch = new FrameBatch(3);
    batch.add(partial(14));
    batch.add(arena.allocate(60));
    batch.add(partial(299));
    batch.pull(1, 0b01);
    assertThat(lender.pulls()).isZero();
    batch.pull(0, 0b111);
    assertThat(lender.pulls()).isEqualTo(2);
    assertThat(batch.get(0).octets().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(octets);
    assertThat(batch.get(2).octets().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(octets);
  }

  @Test
  void pullsFromTheFrameOnThatTheMaskBeginsWith() {
    FrameBatch batch = new FrameBatch(3);
    batch.add(arena.allocate(60));
    batch.add(partial(14));
    batch.add(partial(14));
    batch.pull(1, 0b10);
    assertThat(lender.pulls()).isEqualTo(1);
    assertThat(batch.get(1).isWhole()).isFalse();
    assertThat(batch.get(2).isWhole()).isTrue();
  }

  @Test
  void hasEachLenderPullItsOwn() {
    ArrayLender other = new ArrayLender();
    byte[] others = new byte[200];
    new Random(8).nextBytes(others);
    FrameBatch batch = new FrameBatch(5);
    batch.add(partial(14));
    batch.add(other.lend(arena, others, 20));
    batch.add(arena.allocate(60));
    batch.add(other.lend(arena, others, 199));
    batch.add(partial(100));
    batch.pull(0, 0b11111);
    assertThat(lender.pulls()).isEqualTo(2);
    assertThat(other.pulls()).isEqualTo(2);
    for (int i : new int[] {0, 4}) {
      assertThat(batch.get(i).octets().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(octets);
    }
    for (int i : new int[] {1, 3}) {
      assertThat(batch.get(i).octets().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(others);
    }
  }

  /// Ends with the last private octet, and begins with it.
  private static void assertBounds(int octets, Frame frame, IntConsumer accessor) {
    int head = frame.head();
    accessor.accept(head - octets);
    for (int beyond = 1; beyond <= octets; beyond++) {
      int at = head - octets + beyond;
      assertThatThrownBy(() -> accessor.accept(at))
          .isInstanceOf(IndexOutOfBoundsException.class)
          .hasMessage(
              "%d octets at %d of %d, of which %d are private"
                  .formatted(octets, at, frame.length(), head));
    }
  }

  /// Of a partial frame as of a whole one.
  @ParameterizedTest
  @ValueSource(ints = {14, 100, 299, 300})
  void noAccessorReachesBehindThePrivateOctets(int head) {
    Frame frame = partial(head);
    assertBounds(1, frame, frame::u8);
    assertBounds(2, frame, frame::u16);
    assertBounds(4, frame, frame::i32);
    assertBounds(4, frame, at -> InternetChecksum.sum(frame, at, 4));
    byte[] before = frame.memory().asSlice(frame.offset(), 400).toArray(ValueLayout.JAVA_BYTE);
    assertBounds(1, frame, at -> frame.putU8(at, u8(at)));
    assertBounds(2, frame, at -> frame.putU16(at, u8(at) << 8 | u8(at + 1)));
    assertBounds(
        4,
        frame,
        at -> frame.putI32(at, u8(at) << 24 | u8(at + 1) << 16 | u8(at + 2) << 8 | u8(at + 3)));
    assertThat(frame.memory().asSlice(frame.offset(), 400).toArray(ValueLayout.JAVA_BYTE))
        .isEqualTo(before);
    assertThat(lender.pulls()).isZero();
  }

  @Test
  void showsItsOctetsWhenItIsWhole() {
    Frame frame = partial(100);
    assertThatThrownBy(frame::octets)
        .isInstanceOf(IndexOutOfBoundsException.class)
        .hasMessageContaining("100 are private");
    assertThat(lender.pulls()).isZero();
    assertThat(frame.pull()).isTrue();
    assertThat(frame.octets().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(octets);
  }

  /// What was cut off is not asked for: a frame that is cut in its head is whole.
  @Test
  void isWholeWhenWhatItLacksIsCutOff() {
    Frame frame = partial(100);
    frame.truncate(101);
    assertThat(frame.isWhole()).isFalse();
    assertThat(frame.head()).isEqualTo(100);
    frame.truncate(100);
    assertThat(frame.isWhole()).isTrue();
    frame.truncate(60);
    assertThat(frame.isWhole()).isTrue();
    assertThat(frame.head()).isEqualTo(60);
    frame.need(61);
    assertThat(frame.pull()).isTrue();
    assertThat(lender.pulls()).isZero();
    assertBounds(2, frame, frame::u16);
  }

  @Test
  void hasAtLeastItsAddressesAndItsType() {
    Frame frame = arena.allocate(60);
    assertThatThrownBy(() -> frame.lendFrom(13, lender))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("13 of 60 octets are private");
    assertThatThrownBy(() -> frame.lendFrom(61, lender))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("61 of 60 octets are private");
    frame.lendFrom(60, lender);
    assertThat(frame.isWhole()).isTrue();
    frame.lendFrom(14, lender);
    assertThat(frame.head()).isEqualTo(14);
  }

  /// A frame that lies in an arena is whole.
  @Test
  void aFrameWithoutALenderLacksNothing() {
    Frame frame = arena.allocate(60);
    assertThat(frame.isWhole()).isTrue();
    assertThat(frame.pull()).isTrue();
    assertThat(frame.head()).isEqualTo(60);
    frame.lender().pull(frame);
    assertThat(frame.isTorn()).isTrue();
  }

  /// Writing to what is not there yet must not be undone when it comes.
  @Test
  void isWrittenToWhenItIsThere() {
    Frame frame = partial(100);
    frame.putU8(99, 0x12);
    frame.need(102);
    frame.putU16(100, 0x1234);
    assertThat(frame.pull()).isTrue();
    assertThat(lender.pulls()).isEqualTo(1);
    assertThat(frame.u8(99)).isEqualTo(0x12);
    assertThat(frame.u16(100)).isEqualTo(0x1234);
    assertThat(frame.u8(102)).isEqualTo(u8(102));
  }

  @Test
  void sumsUpWhatIsPrivate() {
    Frame frame = partial(100);
    int sum = InternetChecksum.sum(frame, 60, 40);
    frame.need(102);
    assertThat(InternetChecksum.sum(frame, 60, 42))
        .isEqualTo(InternetChecksum.combine(sum, u8(100) << 8 | u8(101)));
  }
}
