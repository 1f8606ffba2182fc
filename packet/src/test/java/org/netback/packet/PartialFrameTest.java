package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.netback.properties.Property;

final class PartialFrameTest {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 4, 1 << 16);
  private final byte[] octets = new byte[300];

  PartialFrameTest() {
    new Random(7).nextBytes(octets);
  }

  /// Has what a test's frames lack, or has lost it.
  private final class Lender implements FrameLender {
    boolean lost;
    int pulls;

    @Override
    public void pull(Frame frame) {
      pulls++;
      if (!lost) {
        int head = frame.head();
        MemorySegment.copy(
            octets,
            head,
            frame.memory(),
            ValueLayout.JAVA_BYTE,
            frame.offset() + head,
            frame.length() - head);
      }
      frame.pulled(!lost);
    }

    @Override
    public void pull(FrameBatch frames, int base, long mask) {
      for (long left = mask; left != 0; left &= left - 1) {
        pull(frames.get(base + Long.numberOfTrailingZeros(left)));
      }
    }
  }

  private final Lender lender = new Lender();

  private Frame partial(int head) {
    Frame frame = arena.allocate(octets.length);
    frame.memory().asSlice(frame.offset(), octets.length).fill((byte) 0x77);
    MemorySegment.copy(octets, 0, frame.memory(), ValueLayout.JAVA_BYTE, frame.offset(), head);
    frame.lendFrom(head, lender);
    return frame;
  }

  @Test
  void leavesTheRestWhereItIsUntilItIsAskedFor() {
    Frame frame = partial(100);
    assertThat(frame.isWhole()).isFalse();
    assertThat(frame.u8(99)).isEqualTo(octets[99] & 0xff);
    assertThat(frame.u16(98)).isEqualTo((octets[98] & 0xff) << 8 | octets[99] & 0xff);
    assertThat(lender.pulls).isZero();
    assertThat(frame.u16(99)).isEqualTo((octets[99] & 0xff) << 8 | octets[100] & 0xff);
    assertThat(lender.pulls).isEqualTo(1);
    assertThat(frame.isWhole()).isTrue();
    assertThat(frame.pull()).isTrue();
    assertThat(frame.octets().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(octets);
    assertThat(lender.pulls).isEqualTo(1);
  }

  @Test
  void readsAsZerosWhatIsLost() {
    lender.lost = true;
    Frame frame = partial(100);
    frame.memory().set(ValueLayout.JAVA_BYTE, frame.offset() + 300, (byte) 0x55);
    assertThat(frame.head()).isEqualTo(100);
    assertThat(frame.i32(98) & 0xffff).isZero();
    assertThat(frame.isTorn()).isTrue();
    assertThat(frame.pull()).isFalse();
    assertThat(frame.u8(299)).isZero();
    assertThat(frame.u8(99)).isEqualTo(octets[99] & 0xff);
    assertThat(lender.pulls).isEqualTo(1);
    assertThat(frame.head()).isEqualTo(300);
    // What lies before its head and behind its end is left alone, as is the next in its place.
    assertThat(frame.memory().get(ValueLayout.JAVA_BYTE, frame.offset() + 300))
        .isEqualTo((byte) 0x55);
    arena.clear();
    assertThat(arena.allocate(60).isTorn()).isFalse();
  }

  @Test
  void pullsThoseOfABatchThatLackSomething() {
    FrameBatch batch = new FrameBatch(3);
    batch.add(partial(14));
    batch.add(arena.allocate(60));
    batch.add(partial(299));
    batch.pull(1, 0b01);
    assertThat(lender.pulls).isZero();
    batch.pull(0, 0b111);
    assertThat(lender.pulls).isEqualTo(2);
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
    assertThat(lender.pulls).isEqualTo(1);
    assertThat(batch.get(1).isWhole()).isFalse();
    assertThat(batch.get(2).isWhole()).isTrue();
  }

  @Test
  void everyKindOfWritePullsWhatItReaches() {
    Frame octet = partial(100);
    octet.putU8(99, 1);
    assertThat(lender.pulls).isZero();
    octet.putU8(100, 1);
    assertThat(lender.pulls).isEqualTo(1);
    assertThat(octet.u8(100)).isEqualTo(1);
    Frame word = partial(100);
    word.putI32(96, 1);
    assertThat(lender.pulls).isEqualTo(1);
    word.putI32(97, 1);
    assertThat(lender.pulls).isEqualTo(2);
    assertThat(word.i32(97)).isEqualTo(1);
    Frame summed = partial(100);
    int sum = InternetChecksum.sum(summed, 60, 40);
    assertThat(lender.pulls).isEqualTo(2);
    assertThat(InternetChecksum.sum(summed, 60, 42))
        .isEqualTo(InternetChecksum.combine(sum, (octets[100] & 0xff) << 8 | octets[101] & 0xff));
    assertThat(lender.pulls).isEqualTo(3);
  }

  /// A frame that lies in an arena is whole; one that is cut below its head stays so.
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
  void pullsBeforeItIsWrittenTo() {
    Frame frame = partial(100);
    frame.putU16(99, 0x1234);
    assertThat(lender.pulls).isEqualTo(1);
    assertThat(frame.u16(99)).isEqualTo(0x1234);
    assertThat(frame.u8(101)).isEqualTo(octets[101] & 0xff);
  }

  /// Whatever reads a frame finds the same in a part of it.
  @Test
  void sumsAndHeadersAreThoseOfTheWhole() {
    Property.holds(
        500,
        sample -> {
          int head = sample.between(14, 300);
          arena.clear();
          new Random(sample.anyLong()).nextBytes(octets);
          // IPv6 with extension headers at random, so that some end behind the head.
          octets[12] = (byte) 0x86;
          octets[13] = (byte) 0xdd;
          octets[14] = 0x60;
          octets[18] = 0;
          octets[19] = (byte) (octets.length - 54);
          octets[20] = 60;
          octets[54] = 60;
          octets[55] = (byte) sample.between(0, 11);
          int sum;
          Headers expected = new Headers();
          Frame whole = partial(octets.length);
          sum = InternetChecksum.sum(whole, 14, octets.length - 14);
          expected.parse(whole);
          Frame frame = partial(head);
          Headers headers = new Headers().parse(frame);
          assertThat(headers.transport()).isEqualTo(expected.transport());
          assertThat(headers.protocol()).isEqualTo(expected.protocol());
          assertThat(headers.isMalformed()).isEqualTo(expected.isMalformed());
          assertThat(headers.transportOffset()).isEqualTo(expected.transportOffset());
          assertThat(InternetChecksum.sum(frame, 14, octets.length - 14)).isEqualTo(sum);
        });
  }
}
