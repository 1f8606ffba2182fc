package org.netback.loop;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RationTest {
  private static final long START = Long.MAX_VALUE - 5;

  @Test
  void admitsOneOfAKindInAWindowAndCountsTheRest() {
    Ration<String, Integer> ration = new Ration<>(10);

    assertThat(ration.admit("a", 1, START)).isZero();
    assertThat(ration.admit("a", 2, after(9))).isEqualTo(-1);
    assertThat(ration.admit("b", 3, after(9))).isZero();
    assertThat(ration.admit("a", 4, after(10))).isEqualTo(1);
    assertThat(ration.admit("a", 5, after(11))).isEqualTo(-1);
  }

  @Test
  void handsOutWhatWasWithheldOfTheKindsWhoseWindowIsOver() {
    Ration<String, Integer> ration = new Ration<>(10);
    for (int i = 0; i < 5; i++) {
      ration.admit("a", i, START);
    }
    ration.admit("b", 7, START);
    ration.admit("c", 8, after(5));
    ration.admit("c", 9, after(5));

    assertThat(ration.over(after(9))).isEmpty();
    assertThat(ration.over(after(10))).containsExactly(new Ration.Withheld<>(4, 4));
    assertThat(ration.size()).isEqualTo(1);
    assertThat(ration.knows("c")).isTrue();
    assertThat(ration.knows("a")).isFalse();
  }

  @Test
  void tellsAKindOnceUntilItIsForgotten() {
    Ration<String, Integer> ration = Ration.untilForgotten();
    ration.admit("a", 1, START);
    ration.admit("b", 1, START);

    assertThat(ration.admit("a", 1, after(Long.MAX_VALUE / 2))).isEqualTo(-1);
    assertThat(ration.over(after(Long.MAX_VALUE / 2))).isEmpty();
    ration.forget("a"::equals);
    assertThat(ration.admit("a", 1, START)).isZero();
    assertThat(ration.admit("b", 1, START)).isEqualTo(-1);
  }

  /// A clock may wrap.
  private static long after(long nanos) {
    return START + nanos;
  }
}
