package org.netback.benchmarks.endtoend;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// Samples as tables in Markdown.
final class Report {
  /// What others are set against.
  private static final List<String> BASES =
      List.of(TapSwitch.NAME, LinuxBridge.NAME, "netback-tap");

  private static final String UNKNOWN = "–";

  private final Samples samples;
  private final List<String> drivers;
  private final StringBuilder text = new StringBuilder();

  private Report(Samples samples, List<String> drivers) {
    this.samples = samples;
    this.drivers = drivers;
  }

  /// @param drivers in the order of the rows
  /// @param remarks what was skipped or failed, a line each
  static String of(Samples samples, List<String> drivers, List<String> remarks) {
    Report report = new Report(samples, drivers);
    for (Load load : Load.values()) {
      if (samples.all().stream().anyMatch(sample -> sample.load() == load)) {
        report.figures(load);
        report.ratios(load);
      }
    }
    report.targets();
    report.text.append(
        String.format(
            Locale.ROOT,
            "While a load ran, other work on the machine kept %.2f cores busy, and other machines"
                + " took %.2f (medians).%n",
            samples.median("others_cores"),
            samples.median("stolen_cores")));
    for (String remark : remarks) {
      report.text.append("- ").append(remark.strip().replace("\n", "\n  ")).append('\n');
    }
    return report.text.toString();
  }

  private void figures(Load load) {
    text.append("### ").append(load.key()).append("\n\n");
    List<String> head = new ArrayList<>(List.of("switch", "rounds"));
    load.metrics().forEach(metric -> head.add(metric.title()));
    head(head);
    for (String driver : drivers) {
      List<String> cells = new ArrayList<>(List.of(driver));
      for (Metric metric : load.metrics()) {
        Optional<Samples.Spread> spread = samples.spread(load, driver, metric.key());
        if (cells.size() == 1) {
          cells.add(spread.map(s -> Integer.toString(s.count())).orElse("0"));
        }
        cells.add(cell(spread));
      }
      if (!cells.get(1).equals("0")) {
        row(cells);
      }
    }
    text.append('\n');
  }

  private void ratios(Load load) {
    List<String> head = new ArrayList<>(List.of("switch", "ratio of"));
    BASES.forEach(base -> head.add("to " + base));
    head(head);
    for (Metric metric : load.metrics()) {
      for (String driver : drivers) {
        if (metric.compared() && samples.spread(load, driver, metric.key()).isPresent()) {
          List<String> cells = new ArrayList<>(List.of(driver, metric.title()));
          for (String base : BASES) {
            cells.add(
                base.equals(driver) ? "" : cell(samples.ratio(load, driver, base, metric.key())));
          }
          row(cells);
        }
      }
    }
    text.append('\n');
  }

  private void targets() {
    text.append("### Targets\n\n");
    head(List.of("load", "figure", "ratio", "wanted", "measured", "met"));
    for (Target target : Target.ALL) {
      Optional<Samples.Spread> measured = target.measured(samples);
      row(
          List.of(
              target.load().key(),
              target.load().metrics().stream()
                  .filter(metric -> metric.key().equals(target.metric()))
                  .map(Metric::title)
                  .findFirst()
                  .orElseThrow(),
              target.driver() + " to " + target.base(),
              (target.atMost() ? "≤ " : "≥ ") + target.bound(),
              cell(measured),
              measured.map(ratio -> target.isMetBy(ratio) ? "yes" : "no").orElse(UNKNOWN)));
    }
    text.append('\n');
  }

  private void head(List<String> cells) {
    row(cells);
    text.append("|---".repeat(cells.size())).append("|\n");
  }

  private void row(List<String> cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  private static String cell(Optional<Samples.Spread> spread) {
    return spread
        .map(
            s ->
                s.count() == 1
                    ? number(s.median())
                    : number(s.median())
                        + " ("
                        + number(s.least())
                        + ".."
                        + number(s.greatest())
                        + ")")
        .orElse(UNKNOWN);
  }

  /// With three digits or so.
  static String number(double value) {
    if (value == 0) {
      return "0";
    }
    double size = Math.abs(value);
    String format =
        size >= 100
            ? "%,.0f"
            : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : size >= 0.01 ? "%.3f" : "%.1e";
    return String.format(Locale.ROOT, format, value);
  }
}
