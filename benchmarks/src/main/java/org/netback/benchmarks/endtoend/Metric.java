package org.netback.benchmarks.endtoend;

/// A figure that a load gives.
///
/// @param key in the samples' file
/// @param title in tables, with its unit
/// @param compared whether it is set against other switches'
record Metric(String key, String title, boolean compared) {
  static Metric compared(String key, String title) {
    return new Metric(key, title, true);
  }

  static Metric shown(String key, String title) {
    return new Metric(key, title, false);
  }
}
