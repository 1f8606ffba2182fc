package org.netback.benchmarks.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class SamplesTest {
  private final Samples samples = new Samples();

  @Test
  void comparesWithinARoundOnly() {
    // The machine becomes ten times as fast: medians over the rounds would say 10 or 0.1.
    rate(0, "a", 2);
    rate(0, "b", 1);
    rate(1, "a", 20);
    rate(1, "b", 10);
    rate(2, "a", 21);

    assertThat(samples.ratio(Load.TCP, "a", "b", "gbit_s"))
        .contains(new Samples.Spread(2, 2, 2, 2));
  }

  @Test
  void takesTheMiddleOfAnEvenNumber() {
    rate(0, "a", 4);
    rate(1, "a", 1);
    rate(2, "a", 2);
    rate(3, "a", 9);

    assertThat(samples.spread(Load.TCP, "a", "gbit_s")).contains(new Samples.Spread(4, 3, 1, 9));
  }

  @Test
  void knowsNothingOfWhatWasNotMeasured() {
    rate(0, "a", 1);

    assertThat(samples.spread(Load.RR, "a", "gbit_s")).isEmpty();
    assertThat(samples.ratio(Load.TCP, "a", "b", "gbit_s")).isEmpty();
  }

  @Test
  void meetsATargetByTheMedianRatio() {
    rate(0, "netback-tap", 9);
    rate(0, TapSwitch.NAME, 10);
    rate(1, "netback-tap", 10);
    rate(1, TapSwitch.NAME, 10);
    rate(2, "netback-tap", 11);
    rate(2, TapSwitch.NAME, 10);

    Target target = Target.ALL.get(0);
    assertThat(target.measured(samples))
        .hasValueSatisfying(r -> assertThat(target.isMetBy(r)).isTrue());
    assertThat(target.isMetBy(new Samples.Spread(3, 0.99, 0.9, 1.2))).isFalse();
  }

  private void rate(int round, String driver, double gbits) {
    samples.add(new Sample(round, driver, Load.TCP, Map.of("gbit_s", gbits)));
  }
}
