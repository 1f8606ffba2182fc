package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.util.List;

/// The CPU time of some processes and all their threads and children. Confined to one thread.
interface CpuAccount extends AutoCloseable {
  /// The command line that runs a program so that its time goes to this account.
  List<String> entering(List<String> command);

  /// Tells of a process that was started by such a command line.
  void started(Process process);

  /// CPU seconds so far: of use as a difference, while the processes live that it is about.
  double seconds() throws IOException;

  @Override
  void close() throws IOException;
}
