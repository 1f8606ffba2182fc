package org.netback.benchmarks;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/// What one side of a comparison did, round by round.
final class Side {
  private final List<Report> reports = new ArrayList<>();
  private final List<Double> backendNanos = new ArrayList<>();
  private long garbage;
  private long notifications;

  /// A round of C's backend.
  void add(Report report) {
    reports.add(report);
    backendNanos.add(report.backendNanos());
  }

  /// A round of netback's.
  void add(Rig rig, Guests guests, double seconds) throws IOException {
    long cpu = rig.cpuNanos();
    long allocated = rig.allocated();
    long notified = rig.notifications(guests);
    Report report = guests.run(seconds);
    reports.add(report);
    notifications += rig.notifications(guests) - notified;
    garbage += rig.allocated() - allocated;
    backendNanos.add((double) (rig.cpuNanos() - cpu) / Math.max(1, report.frames()));
  }

  double median(ToDoubleFunction<Report> figure) {
    return median(reports.stream().map(figure::applyAsDouble).toList());
  }

  /// The median of the rounds' ratios.
  double ratio(Side other, ToDoubleFunction<Report> figure) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < reports.size(); i++) {
      ratios.add(figure.applyAsDouble(reports.get(i)) / figure.applyAsDouble(other.reports.get(i)));
    }
    return median(ratios);
  }

  /// CPU time of the backend's thread per frame.
  double backendNanos() {
    return median(backendNanos);
  }

  double backendRatio(Side other) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < backendNanos.size(); i++) {
      ratios.add(backendNanos.get(i) / other.backendNanos.get(i));
    }
    return median(ratios);
  }

  /// Octets that the backend's thread allocated per frame.
  double garbage() {
    return (double) garbage / Math.max(1, sum(Report::frames));
  }

  /// How often the backend, netback's, notified a guest.
  long notifications() {
    return notifications;
  }

  long sum(ToLongFunction<Report> figure) {
    return reports.stream().mapToLong(figure).sum();
  }

  static double median(Collection<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return sorted[sorted.length / 2];
  }
}
