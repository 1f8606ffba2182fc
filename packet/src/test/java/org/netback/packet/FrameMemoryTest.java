package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FrameMemoryTest {
  private final MemorySegment memory = Arena.ofAuto().allocate(4096);

  @Test
  void givesRoomThatALastFrameDidNotNeedToTheNext() {
    FrameArena arena = new FrameArena(Arena.ofAuto(), 3, 2048);
    Frame first = arena.allocate(1900);
    assertThat(arena.fits(100)).isFalse();

    arena.trimLast(60);
    Frame second = arena.allocate(1500);

    assertThat(first.length()).isEqualTo(60);
    assertThat(second.offset())
        .isGreaterThanOrEqualTo(first.offset() + 60 + FrameArena.HEADROOM)
        .isLessThan(first.offset() + 60 + 2 * FrameArena.HEADROOM);
  }

  @Test
  void cannotTrimAFrameToMoreThanItIs() {
    FrameArena arena = new FrameArena(Arena.ofAuto(), 3, 2048);
    Frame _ = arena.allocate(100);

    assertThatThrownBy(() -> arena.trimLast(101)).isInstanceOf(IllegalArgumentException.class);
  }

  /// However many frames an arena has and however often it is cleared.
  @Test
  void numbersEveryFrameAnew() {
    Set<Long> numbers = new HashSet<>();
    FrameArena large = new FrameArena(Arena.ofAuto(), 6000, 6000 * 128);
    FrameArena small = new FrameArena(Arena.ofAuto(), 3, 2048);
    for (int round = 0; round < 3000; round++) {
      for (int i = 0; i < round % 4; i++) {
        assertThat(numbers.add(small.allocate(60).number())).isTrue();
      }
      small.clear();
      if (round % 1000 == 0) {
        while (large.fits(60)) {
          assertThat(numbers.add(large.allocate(60).number())).isTrue();
        }
        large.clear();
      }
    }
    assertThat(numbers).hasSize(3 * 6000 + 4500).doesNotContain(0L);
  }

  @Test
  void showsAFrameUnderTheNumberOfAnother() {
    FrameView view = new FrameView(memory);
    Frame frame = view.at(64, 60);
    assertThat(frame.number()).isZero();
    frame.setNumber(77);
    assertThat(frame.number()).isEqualTo(77);
    assertThat(view.at(64, 60).number()).isZero();
  }

  @Test
  void showsAFrameWhereItLies() {
    FrameView view = new FrameView(memory);
    memory.set(ValueLayout.JAVA_BYTE, 64 + 5, (byte) 0xab);
    Frame frame = view.at(64, 60);
    frame.setChecksum(ChecksumState.BLANK);
    frame.setGso(GsoType.TCPV4, 1448);

    assertThat(frame.destination()).isEqualTo(0xab);
    assertThat(view.at(64, 60).gso()).isEqualTo(GsoType.NONE);
    assertThat(view.at(64, 60).checksum()).isEqualTo(ChecksumState.COMPLETE);
  }

  @Test
  void showsNoFrameWithoutHeadroomOrBeyondTheMemory() {
    FrameView view = new FrameView(memory);

    assertThatThrownBy(() -> view.at(63, 60)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> view.at(4000, 97)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> view.at(4000, -1)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(view.at(4000, 96).length()).isEqualTo(96);
    assertThat(view.at(4000, 0).length()).isZero();
  }
}
