package org.netback.benchmarks.endtoend;

import java.util.List;
import java.util.Optional;

/// How one switch is wanted to stand beside another, by the median of the rounds' ratios.
///
/// @param atMost whether the bound is the highest ratio allowed, else the lowest
record Target(Load load, String metric, String driver, String base, boolean atMost, double bound) {
  private static final String TAP = "netback-tap";

  /// All that are asked for between kernels.
  static final List<Target> ALL =
      List.of(
          atLeast(Load.TCP, "gbit_s", TAP, TapSwitch.NAME, 1),
          atLeast(Load.TCP, "gbit_s", "netback-guest", TAP, 0.8),
          atLeast(Load.PPS64, "frames_s", TAP, TapSwitch.NAME, 0.9),
          atMost(Load.PPS64, Load.PPS64.costs().get(0), TAP, TapSwitch.NAME, 1.15),
          atMost(Load.FIX100K, Load.FIX100K.costs().get(0), TAP, TapSwitch.NAME, 1.15),
          atMost(Load.RR, "p50_us", TAP, TapSwitch.NAME, 1.1),
          atMost(Load.MCAST, Load.MCAST.costs().get(0), TAP, LinuxBridge.NAME, 1.3));

  private static Target atLeast(
      Load load, String metric, String driver, String base, double bound) {
    return new Target(load, metric, driver, base, false, bound);
  }

  private static Target atMost(Load load, String metric, String driver, String base, double bound) {
    return new Target(load, metric, driver, base, true, bound);
  }

  /// The ratio that was measured, if both switches were.
  Optional<Samples.Spread> measured(Samples samples) {
    return samples.ratio(load, driver, base, metric);
  }

  boolean isMetBy(Samples.Spread ratio) {
    return atMost ? ratio.median() <= bound : ratio.median() >= bound;
  }
}
