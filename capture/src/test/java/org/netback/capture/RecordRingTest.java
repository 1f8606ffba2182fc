package org.netback.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.netback.vswitch.SwitchPort;

@Timeout(60)
class RecordRingTest {
  private static final int SIZE = 1024;
  private static final SwitchPort PORT = Ports.attach("vif1.0");
  private static final List<String> VERDICTS =
      IntStream.range(0, 16).mapToObj(Integer::toString).toList();
  private final RecordRing ring = new RecordRing(SIZE);

  private boolean put(int length, int seed) {
    long at = ring.begin(length, PORT, VERDICTS.get(seed & 15));
    if (at == RecordRing.NONE) {
      return false;
    }
    for (int i = 0; i < length; i++) {
      ring.memory().set(ValueLayout.JAVA_BYTE, at + i, (byte) (seed + i));
    }
    ring.commit();
    return true;
  }

  private int take(int seed) {
    long at = ring.peek();
    if (at == RecordRing.NONE) {
      return -1;
    }
    assertThat(at % 8).isZero();
    int length = ring.length(at);
    for (int i = 0; i < length; i++) {
      if (ring.memory().get(ValueLayout.JAVA_BYTE, at + i) != (byte) (seed + i)) {
        throw new AssertionError("octet " + i + " of record " + seed);
      }
    }
    assertThat(ring.verdict()).isSameAs(VERDICTS.get(seed & 15));
    ring.release(at);
    return length;
  }

  @Test
  void whatIsBegunIsNobodysUntilItIsCommitted() {
    assertThat(ring.peek()).isEqualTo(RecordRing.NONE);
    assertThat(ring.begin(10, PORT, "given up")).isNotEqualTo(RecordRing.NONE);
    assertThat(ring.peek()).isEqualTo(RecordRing.NONE);
    // Begun anew: the one before was given up.
    assertThat(put(20, 1)).isTrue();
    assertThat(take(1)).isEqualTo(20);
    assertThat(ring.peek()).isEqualTo(RecordRing.NONE);
  }

  @Test
  void aFullRingTakesNothingUntilSomethingIsReleased() {
    int put = 0;
    while (put(120, put)) {
      put++;
    }
    assertThat(put).isEqualTo(SIZE / 128);
    assertThat(put(0, 0)).isFalse();
    assertThat(take(0)).isEqualTo(120);
    assertThat(put(120, put)).isTrue();
    assertThat(put(0, 0)).isFalse();
    for (int i = 1; i <= put; i++) {
      assertThat(take(i)).isEqualTo(120);
    }
    assertThat(ring.peek()).isEqualTo(RecordRing.NONE);
  }

  @Test
  void refusesWhatItCouldNeverHold() {
    assertThat(put(ring.mostOctets(), 5)).isTrue();
    assertThatThrownBy(() -> ring.begin(ring.mostOctets() + 1, PORT, "too long"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new RecordRing(1000)).isInstanceOf(IllegalArgumentException.class);
  }

  /// However full or empty it is, the longest record finds room in an empty ring at any place.
  @Test
  void carriesRecordsOfAnyLengthInOrder() {
    SplittableRandom random = new SplittableRandom(7);
    Deque<Integer> lengths = new ArrayDeque<>();
    int put = 0;
    int taken = 0;
    for (int i = 0; i < 100_000; i++) {
      if (random.nextInt(3) > 0) {
        int length = random.nextInt(random.nextBoolean() ? 40 : ring.mostOctets() + 1);
        if (put(length, put)) {
          lengths.add(length);
          put++;
        } else {
          assertThat(lengths).isNotEmpty();
        }
      } else if (lengths.isEmpty()) {
        assertThat(take(taken)).isEqualTo(-1);
      } else {
        assertThat(take(taken++)).isEqualTo(lengths.remove());
      }
    }
    assertThat(put).isGreaterThan(10_000);
  }

  @Test
  void carriesRecordsBetweenTwoThreads() throws Exception {
    int count = 100_000;
    CompletableFuture<Void> producer =
        CompletableFuture.runAsync(
            () -> {
              for (int i = 0; i < count; i++) {
                while (!put(i % 200, i)) {
                  LockSupport.parkNanos(1_000);
                }
              }
            });
    for (int i = 0; i < count; ) {
      int length = take(i);
      if (length >= 0) {
        assertThat(length).isEqualTo(i % 200);
        i++;
      } else if (producer.isCompletedExceptionally()) {
        break;
      } else {
        LockSupport.parkNanos(1_000);
      }
    }
    producer.get(30, TimeUnit.SECONDS);
    assertThat(ring.peek()).isEqualTo(RecordRing.NONE);
  }
}
