package org.netback.loop.netty;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.loop.Polled;

final class LingeringTest {
  private static final long MOST = 20_000;
  private static final long LONG_AGO = -1_000_000_000;

  private final List<Throwable> faults = new ArrayList<>();
  private long now = 5_000_000_000L;
  private final Lingering lingering = new Lingering(MOST, () -> now, faults::add);

  private static final class Ring implements Polled {
    int work;
    int looks;
    int armed;

    @Override
    public boolean poll() {
      looks++;
      return work-- > 0;
    }

    @Override
    public void arm() {
      armed++;
    }
  }

  private void shortSleeps(int count) {
    for (int i = 0; i < count; i++) {
      lingering.slept(MOST / 10);
    }
  }

  @Test
  void doesNotLingerBeforeASleepWasShort() {
    assertThat(lingering.add(new Ring(), 0)).isFalse();
    lingering.slept(10 * MOST);
    assertThat(lingering.add(new Ring(), 0)).isFalse();
    shortSleeps(1);
    assertThat(lingering.add(new Ring(), 0)).isTrue();
  }

  @Test
  void neverLingersIfItMustNot() {
    Lingering none = new Lingering(0, () -> now, faults::add);
    none.slept(0);
    none.slept(100);
    assertThat(none.add(new Ring(), 0)).isFalse();
  }

  @Test
  void givesUpLingeringWhenSleepsAreLong() {
    shortSleeps(10);
    int sleeps = 0;
    while (lingering.add(new Ring(), now + LONG_AGO)) {
      lingering.poll();
      lingering.slept(MOST);
      sleeps++;
      assertThat(sleeps).isLessThan(10);
    }
    assertThat(sleeps).isPositive();
  }

  @Test
  void goesOnLookingAtWhatHasWorkAndArmsTheRest() {
    shortSleeps(10);
    Ring busy = new Ring();
    Ring idle = new Ring();
    busy.work = 3;
    assertThat(lingering.add(busy, now + LONG_AGO)).isTrue();
    assertThat(lingering.add(idle, now + LONG_AGO)).isTrue();

    assertThat(lingering.poll()).isEqualTo(1);

    assertThat(idle.armed).isEqualTo(1);
    assertThat(busy.armed).isZero();
    assertThat(lingering.isEmpty()).isFalse();
  }

  @Test
  void armsOnceAndLooksNoMoreWhenNothingComes() {
    shortSleeps(10);
    Ring ring = new Ring();
    assertThat(lingering.add(ring, now)).isTrue();
    assertThat(lingering.poll()).isZero();
    assertThat(ring.armed).isZero();
    now += MOST;
    assertThat(lingering.poll()).isZero();
    assertThat(lingering.isEmpty()).isTrue();
    assertThat(ring.armed).isEqualTo(1);
    int looks = ring.looks;
    assertThat(looks).isPositive();
    lingering.poll();
    assertThat(ring.looks).isEqualTo(looks);
  }

  /// Whoever it waits for may need this processor to get on.
  @Test
  void stopsAWhileAfterLingeringInVain() {
    shortSleeps(10);
    int vain = 0;
    while (lingering.add(new Ring(), now + LONG_AGO)) {
      lingering.poll();
      shortSleeps(1);
      assertThat(++vain).isLessThan(10);
    }
    shortSleeps(1);
    assertThat(lingering.add(new Ring(), 0)).isFalse();
    shortSleeps(1000);
    assertThat(lingering.add(new Ring(), 0)).isTrue();
  }

  @Test
  void takesWhatComesBackWhenItIsArmed() {
    shortSleeps(10);
    Polled back =
        new Polled() {
          @Override
          public boolean poll() {
            return false;
          }

          @Override
          public void arm() {
            assertThat(lingering.add(this, now)).isTrue();
          }
        };
    lingering.add(back, now + LONG_AGO);
    lingering.poll();
    assertThat(lingering.isEmpty()).isFalse();
  }

  /// Tasks and descriptors come in between.
  @Test
  void doesABoundedNumberOfRoundsAndGoesOnWhereItStopped() {
    shortSleeps(10);
    List<Ring> rings = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Ring ring = new Ring();
      ring.work = 1000;
      rings.add(ring);
      assertThat(lingering.add(ring, now + 1_000_000_000)).isTrue();
    }
    for (int i = 0; i < 5; i++) {
      assertThat(lingering.poll()).isEqualTo(Lingering.ROUNDS);
    }
    assertThat(rings).extracting(ring -> ring.looks).containsOnly(2);
  }

  /// Also when some that it had its last look at are let go of.
  @Test
  void goesOnWhereItStoppedAmongThoseThatAreLeft() {
    shortSleeps(10);
    List<Ring> rings = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Ring ring = new Ring();
      ring.work = i % 2 == 0 ? 0 : 1000;
      rings.add(ring);
      assertThat(lingering.add(ring, now - (i % 2 == 0 ? MOST : 0))).isTrue();
    }
    for (int i = 0; i < 10; i++) {
      now += MOST / 2;
      assertThat(lingering.poll()).isEqualTo(Lingering.ROUNDS);
    }
    assertThat(rings.stream().filter(ring -> ring.work > 0))
        .hasSize(10)
        .allMatch(r -> r.looks == 8);
  }

  @Test
  void letsGoOfWhatThrowsAndGoesOnWithTheRest() {
    shortSleeps(10);
    Ring good = new Ring();
    good.work = 2;
    Polled bad =
        new Polled() {
          @Override
          public boolean poll() {
            throw new IllegalStateException("poll");
          }

          @Override
          public void arm() {
            throw new IllegalStateException("not looked at any more");
          }
        };
    Polled badWhenArmed =
        new Polled() {
          @Override
          public boolean poll() {
            return false;
          }

          @Override
          public void arm() {
            throw new IllegalStateException("arm");
          }
        };
    lingering.add(bad, now + LONG_AGO);
    lingering.add(badWhenArmed, now + LONG_AGO);
    lingering.add(good, now);
    assertThat(lingering.poll()).isEqualTo(1);
    assertThat(lingering.poll()).isEqualTo(1);
    assertThat(faults).extracting(Throwable::getMessage).containsExactlyInAnyOrder("poll", "arm");
  }
}
