package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.netback.daemon.Cleanup;

/// One switch's turn in one round: all loads, on as many stages as there are numbers of hosts.
///
/// @param tools the directory of `traffic` and `tapswitch`
/// @param cleanup closes a stage that is there when the end comes from outside
record Round(
    int number, Driver driver, List<Load> loads, int seconds, Path tools, Cleanup cleanup) {

  /// What does not work, and why.
  ///
  /// @param what the switch and the load
  record Failure(String what, String reason) {}

  /// Runs it. What fails is told and does not keep the rest from being measured.
  void run(Consumer<Sample> samples, Consumer<Failure> failures) throws IOException {
    for (int hosts : loads.stream().map(Load::hosts).distinct().toList()) {
      List<Load> here = loads.stream().filter(load -> load.hosts() == hosts).toList();
      try (Stage stage = new Stage(tools, hosts, cleanup)) {
        try {
          stage.start(driver);
        } catch (IOException e) {
          failed(failures, "with " + hosts + " hosts", e, stage);
          continue;
        }
        for (Load load : here) {
          try {
            samples.accept(
                new Sample(number, driver.name(), load, measure(stage, load, load == here.get(0))));
          } catch (IOException e) {
            failed(failures, load.key(), e, stage);
          }
        }
      }
    }
  }

  private Map<String, Double> measure(Stage stage, Load load, boolean first) throws IOException {
    load.prepare(stage);
    // What only just was started has more to learn.
    int warmUp = driver.warmUpSeconds() * (first ? 2 : 1);
    var _ = load.run(stage, Math.max(warmUp, load.settlingSeconds()));
    return load.run(stage, seconds);
  }

  private void failed(Consumer<Failure> failures, String load, IOException e, Stage stage)
      throws IOException {
    if (cleanup.isClosed()) {
      throw new IOException("ended by a signal", e);
    }
    failures.accept(
        new Failure(
            driver.name() + ", " + load + ", round " + number,
            e.getMessage() + '\n' + stage.logs()));
  }
}
