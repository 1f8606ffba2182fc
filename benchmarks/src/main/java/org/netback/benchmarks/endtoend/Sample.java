package org.netback.benchmarks.endtoend;

import java.util.Map;

/// What one load gave on one switch in one round.
///
/// @param values by [Metric#key]
record Sample(int round, String driver, Load load, Map<String, Double> values) {
  /// @param metric one that its load gives
  double value(String metric) {
    Double value = values.get(metric);
    if (value == null) {
      throw new IllegalArgumentException(load.key() + " gives no " + metric);
    }
    return value;
  }
}
