package org.netback.benchmarks.endtoend;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/// All samples of a run, and what follows from them. Confined to one thread.
final class Samples {
  private final List<Sample> samples = new ArrayList<>();

  /// Median, least and greatest of some figures.
  ///
  /// @param count of figures; at least one
  record Spread(int count, double median, double least, double greatest) {
    private static Optional<Spread> of(Collection<Double> values) {
      double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
      return sorted.length == 0
          ? Optional.empty()
          : Optional.of(
              new Spread(sorted.length, median(sorted), sorted[0], sorted[sorted.length - 1]));
    }

    private static double median(double[] sorted) {
      int half = sorted.length / 2;
      return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
  }

  void add(Sample sample) {
    samples.add(sample);
  }

  List<Sample> all() {
    return List.copyOf(samples);
  }

  /// A metric's values on a switch over the rounds; empty if it was never measured.
  Optional<Spread> spread(Load load, String driver, String metric) {
    return Spread.of(of(load, driver).stream().map(s -> s.value(metric)).toList());
  }

  /// One switch's value over another's in the same round, over those rounds that have both: load
  /// from elsewhere changes from round to round, and does so for both.
  Optional<Spread> ratio(Load load, String driver, String base, String metric) {
    List<Double> ratios = new ArrayList<>();
    for (Sample sample : of(load, driver)) {
      for (Sample other : of(load, base)) {
        if (other.round() == sample.round()) {
          ratios.add(sample.value(metric) / other.value(metric));
        }
      }
    }
    return Spread.of(ratios);
  }

  private List<Sample> of(Load load, String driver) {
    return samples.stream().filter(s -> s.load() == load && s.driver().equals(driver)).toList();
  }

  /// Of the values of a key over all samples, the median; for what says how quiet the machine was.
  double median(String key) {
    double[] sorted = samples.stream().mapToDouble(s -> s.value(key)).sorted().toArray();
    return sorted.length == 0 ? 0 : Spread.median(sorted);
  }
}
