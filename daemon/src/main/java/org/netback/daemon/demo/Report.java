package org.netback.daemon.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/// What a demonstration has found.
///
/// @param passed whether every check did
/// @param leftOut what was not tried, and why; empty if everything was
/// @param vifs as the control API showed them at the end, likewise ports
public record Report(
    boolean passed,
    List<Check> checks,
    List<Measurement> measurements,
    List<String> leftOut,
    JsonNode vifs,
    JsonNode ports) {

  /// One thing that has to be so.
  ///
  /// @param detail what was seen
  public record Check(String name, boolean passed, String detail) {}

  /// One figure.
  ///
  /// @param unit "Gbit/s", "frames/s", "ms"
  public record Measurement(String name, double value, String unit) {}

  /// Takes notes while the demonstration goes on. Confined to its thread.
  static final class Notes {
    private final List<Check> checks = new ArrayList<>();
    private final List<Measurement> measurements = new ArrayList<>();
    private final List<String> leftOut = new ArrayList<>();

    void check(String name, boolean passed, String detail) {
      checks.add(new Check(name, passed, detail));
    }

    void measured(String name, double value, String unit) {
      measurements.add(new Measurement(name, value, unit));
    }

    void leftOut(String what) {
      leftOut.add(what);
    }

    Report finish(JsonNode vifs, JsonNode ports) {
      boolean passed = !checks.isEmpty() && checks.stream().allMatch(Check::passed);
      return new Report(
          passed,
          List.copyOf(checks),
          List.copyOf(measurements),
          List.copyOf(leftOut),
          vifs,
          ports);
    }
  }
}
