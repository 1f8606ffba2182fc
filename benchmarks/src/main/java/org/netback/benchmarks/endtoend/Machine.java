package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What the whole machine has burnt so far, in CPU seconds.
///
/// @param busy by everything that runs on it
/// @param stolen by other machines on the same processors
/// @param ksoftirqd by the kernel's threads that take over packets' work when there is much of it,
///   which no process's account shows
record Machine(double busy, double stolen, double ksoftirqd) {
  private static final double TICKS = 100;
  private static final List<Path> KSOFTIRQD = ksoftirqds();

  static Machine now() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/stat"))) {
      // user nice system idle iowait irq softirq steal
      String[] cpu = lines.findFirst().orElseThrow().trim().split(" +", -1);
      long busy = 0;
      for (int field : new int[] {1, 2, 3, 6, 7}) {
        busy += Long.parseLong(cpu[field]);
      }
      long nanos = 0;
      for (Path thread : KSOFTIRQD) {
        String schedstat = Files.readString(thread.resolve("schedstat"));
        nanos += Long.parseLong(schedstat.substring(0, schedstat.indexOf(' ')));
      }
      return new Machine(busy / TICKS, Long.parseLong(cpu[8]) / TICKS, nanos / 1e9);
    }
  }

  private static List<Path> ksoftirqds() {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[1-9]*")) {
      for (Path process : processes) {
        try {
          if (Files.readString(process.resolve("comm")).startsWith("ksoftirqd/")
              && Files.exists(process.resolve("schedstat"))) {
            found.add(process);
          }
        } catch (NoSuchFileException e) {
          // It has ended.
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("/proc: " + e.getMessage(), e);
    }
    return List.copyOf(found);
  }
}
