package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.util.List;

/// A switch under test: how it is set up between the hosts of a [Stage]. What it has started is
/// ended by the stage.
interface Driver {
  /// Its name in tables and on the command line.
  String name();

  /// Programs that it needs and that not every machine has; where one is missing, the driver is
  /// skipped.
  default List<String> programs() {
    return List.of();
  }

  /// Seconds of each load that go by unmeasured, twice as many of the first: for compilers that
  /// learn while a program runs.
  default int warmUpSeconds() {
    return 1;
  }

  /// Sets the switch up: each host has its [Host#device] when this returns, wired to the switch, or
  /// as soon as that is done.
  void start(Stage stage) throws IOException;
}
