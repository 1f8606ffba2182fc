package org.netback.xen.ring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Both ends on one page, with rings of 16 and 32 octets.
class ByteRingTest {
  private static final RingHalf SMALL = new RingHalf(0, 16, 64, 68);
  private static final RingHalf LARGE = new RingHalf(16, 32, 72, 76);

  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);

  private ByteRing guest() throws RingViolation {
    return ByteRing.attach(page, SMALL, LARGE);
  }

  private ByteRing backend() throws RingViolation {
    return ByteRing.attach(page, LARGE, SMALL);
  }

  private void startAt(int index) {
    for (RingHalf half : new RingHalf[] {SMALL, LARGE}) {
      page.set(ValueLayout.JAVA_INT, half.cons(), index);
      page.set(ValueLayout.JAVA_INT, half.prod(), index);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, -7, -32, Integer.MAX_VALUE - 9})
  void carriesEveryOctetInOrderAcrossTheWrap(int start) throws RingViolation {
    startAt(start);
    ByteRing guest = guest();
    ByteRing backend = backend();
    Random random = new Random(4711);
    byte[] sent = new byte[5000];
    random.nextBytes(sent);
    ByteArrayOutputStream received = new ByteArrayOutputStream();
    byte[] buffer = new byte[50];
    int put = 0;
    while (received.size() < sent.length) {
      put += guest.put(sent, put, Math.min(sent.length - put, random.nextInt(40)));
      int waiting = backend.waiting();
      assertThat(waiting).isEqualTo(put - received.size());
      int count = backend.peek(buffer, 0, random.nextInt(40));
      received.write(buffer, 0, count);
      backend.consume(count);
    }
    assertThat(received.toByteArray()).isEqualTo(sent);
  }

  @Test
  void takesNoMoreThanThereIsRoomFor() throws RingViolation {
    ByteRing guest = guest();
    assertThat(guest.room()).isEqualTo(32);
    assertThat(guest.put(new byte[40], 0, 40)).isEqualTo(32);
    assertThat(guest.room()).isZero();
    assertThat(guest.put(new byte[40], 0, 40)).isZero();
    ByteRing backend = backend();
    assertThat(backend.put(new byte[40], 3, 37)).isEqualTo(16);
  }

  @Test
  void keepsOctetsInTheRingUntilTheyAreConsumed() throws RingViolation {
    guest().put(new byte[] {1, 2, 3, 4}, 0, 4);
    ByteRing backend = backend();
    byte[] buffer = new byte[4];
    assertThat(backend.waiting()).isEqualTo(4);
    assertThat(backend.peek(buffer, 1, 2)).isEqualTo(2);
    assertThat(buffer).containsExactly(0, 1, 2, 0);
    // One that takes over sees them again.
    assertThat(backend().waiting()).isEqualTo(4);
    backend.consume(2);
    assertThat(backend().waiting()).isEqualTo(2);
    assertThatThrownBy(() -> backend.consume(3)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void refusesToGiveBackWhatWasPut() throws RingViolation {
    guest().put(new byte[] {1, 2, 3, 4}, 0, 4);
    ByteRing backend = backend();
    assertThat(backend.waiting()).isEqualTo(4);
    page.set(ValueLayout.JAVA_INT, LARGE.prod(), 1);
    assertThatThrownBy(backend::waiting)
        .isInstanceOf(RingViolation.class)
        .hasMessage("3 octets that were put were taken back");
  }

  /// What the peer writes over our own indices changes nothing but what the peer sees.
  @Test
  void goesByPrivateCopiesOfItsOwnIndices() throws RingViolation {
    ByteRing guest = guest();
    ByteRing backend = backend();
    guest.put(new byte[] {1, 2, 3}, 0, 3);
    page.set(ValueLayout.JAVA_INT, LARGE.cons(), 99);
    page.set(ValueLayout.JAVA_INT, SMALL.prod(), 77);
    assertThat(backend.waiting()).isEqualTo(3);
    assertThat(backend.room()).isEqualTo(16);
    backend.consume(3);
    backend.put(new byte[] {9}, 0, 1);
    assertThat(page.get(ValueLayout.JAVA_INT, LARGE.cons())).isEqualTo(3);
    assertThat(page.get(ValueLayout.JAVA_INT, SMALL.prod())).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {33, -1, Integer.MIN_VALUE})
  void refusesIndicesThatCannotBeTrue(int claimed) throws RingViolation {
    ByteRing backend = backend();
    page.set(ValueLayout.JAVA_INT, LARGE.prod(), claimed);
    assertThatThrownBy(backend::waiting)
        .isInstanceOf(RingViolation.class)
        .hasMessage(
            "indices 0 and " + Integer.toUnsignedString(claimed) + " of a ring of 32 octets");
    assertThatThrownBy(this::backend).isInstanceOf(RingViolation.class);
    page.set(ValueLayout.JAVA_INT, LARGE.prod(), 32);
    assertThat(backend.waiting()).isEqualTo(32);
    page.set(ValueLayout.JAVA_INT, SMALL.cons(), 1); // of none that was put
    assertThatThrownBy(backend::room).isInstanceOf(RingViolation.class);
    assertThatThrownBy(() -> backend.put(new byte[1], 0, 1)).isInstanceOf(RingViolation.class);
  }

  /// An index that goes back takes nothing back that was vouched for.
  @Test
  void readsThePeersIndexOnceALook() throws RingViolation {
    guest().put(new byte[] {1, 2, 3}, 0, 3);
    ByteRing backend = backend();
    assertThat(backend.waiting()).isEqualTo(3);
    page.set(ValueLayout.JAVA_INT, LARGE.prod(), 1_000_000);
    byte[] buffer = new byte[100];
    assertThat(backend.peek(buffer, 0, 100)).isEqualTo(3);
    backend.consume(3);
    assertThatThrownBy(backend::waiting).isInstanceOf(RingViolation.class);
  }

  @Test
  void refusesLengthsThatConsoleHCannotMask() {
    assertThatThrownBy(() -> ByteRing.attach(page, SMALL, new RingHalf(0, 24, 64, 68)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new RingHalf(0, 0, 64, 68))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void carriesEveryOctetBetweenTwoThreads() throws Exception {
    startAt(-1000);
    ByteRing guest = guest();
    ByteRing backend = backend();
    int total = 2_000_000;
    CompletableFuture<Long> taken =
        CompletableFuture.supplyAsync(
            () -> {
              byte[] buffer = new byte[32];
              int next = 0;
              try {
                while (next < total) {
                  if (backend.waiting() == 0) {
                    Thread.onSpinWait();
                    continue;
                  }
                  int count = backend.peek(buffer, 0, 32);
                  for (int i = 0; i < count; i++) {
                    if (buffer[i] != (byte) (next * 31 >> 3)) {
                      throw new AssertionError("octet " + next + " is " + buffer[i]);
                    }
                    next++;
                  }
                  backend.consume(count);
                }
                return (long) next;
              } catch (RingViolation e) {
                throw new AssertionError(e);
              }
            },
            task -> Thread.ofPlatform().daemon().start(task));
    byte[] some = new byte[17];
    int put = 0;
    while (put < total && !taken.isDone()) {
      int length = Math.min(some.length, total - put);
      for (int i = 0; i < length; i++) {
        some[i] = (byte) ((put + i) * 31 >> 3);
      }
      int count = guest.put(some, 0, length);
      put += count;
      if (count == 0) {
        Thread.onSpinWait();
      }
    }
    assertThat(taken.get(60, TimeUnit.SECONDS)).isEqualTo(total);
  }
}
