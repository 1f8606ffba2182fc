package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What `/proc/PID/stat` says of each process: where there are no control groups. Counts in ticks
/// of 10 ms.
final class ProcessAccount implements CpuAccount {
  /// `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux of our days.
  private static final double TICKS = 100;

  /// utime and stime, and those of children that have ended, counted from the state.
  private static final int OWN = 11;

  private static final int CHILDREN = 13;

  private final List<Process> processes = new ArrayList<>();
  private final boolean ended;

  /// @param ended whether the time of all children of this program that have ended goes here
  ProcessAccount(boolean ended) {
    this.ended = ended;
  }

  @Override
  public List<String> entering(List<String> command) {
    return command;
  }

  @Override
  public void started(Process process) {
    processes.add(process);
  }

  @Override
  public double seconds() throws IOException {
    long ticks = ended ? ticks(ProcessHandle.current().pid(), CHILDREN) : 0;
    for (Process process : processes) {
      if (process.isAlive()) {
        ticks += ticks(process.pid(), OWN) + ticks(process.pid(), CHILDREN);
      }
    }
    return ticks / TICKS;
  }

  private static long ticks(long pid, int first) throws IOException {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      // The program's name, in parentheses, may contain anything.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return Long.parseLong(fields[first]) + Long.parseLong(fields[first + 1]);
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  @Override
  public void close() {}
}
