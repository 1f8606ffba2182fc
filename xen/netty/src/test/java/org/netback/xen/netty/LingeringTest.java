package org.netback.xen.netty;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.netback.xen.event.Polled;

final class LingeringTest {
  private static final long MOST = 20_000;
  private static final long LONG_AGO = -1_000_000_000;

  private final Lingering lingering = new Lingering(MOST);

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
    Lingering none = new Lingering(0);
    none.slept(0);
    none.slept(100);
    assertThat(none.add(new Ring(), 0)).isFalse();
  }

  @Test
  void givesUpLingeringWhenSleepsAreLong() {
    shortSleeps(10);
    int sleeps = 0;
    while (lingering.add(new Ring(), System.nanoTime() + LONG_AGO)) {
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
    assertThat(lingering.add(busy, System.nanoTime() + LONG_AGO)).isTrue();
    assertThat(lingering.add(idle, System.nanoTime() + LONG_AGO)).isTrue();

    assertThat(lingering.poll()).isTrue();

    assertThat(idle.armed).isEqualTo(1);
    assertThat(busy.armed).isZero();
    assertThat(lingering.isEmpty()).isFalse();
  }

  @Test
  void armsOnceAndLooksNoMoreWhenNothingComes() {
    shortSleeps(10);
    Ring ring = new Ring();
    assertThat(lingering.add(ring, System.nanoTime())).isTrue();
    while (!lingering.isEmpty()) {
      assertThat(lingering.poll()).isFalse();
    }
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
    while (lingering.add(new Ring(), System.nanoTime() + LONG_AGO)) {
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
            assertThat(lingering.add(this, System.nanoTime())).isTrue();
          }
        };
    lingering.add(back, System.nanoTime() + LONG_AGO);
    lingering.poll();
    assertThat(lingering.isEmpty()).isFalse();
  }
}
