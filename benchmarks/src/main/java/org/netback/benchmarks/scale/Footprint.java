package org.netback.benchmarks.scale;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/// What this process holds.
///
/// @param heap octets of objects that are reachable
/// @param anonymous resident octets that no file is behind: the heap, and all that is allocated
///   outside of it
/// @param shared resident octets of the guests' memory, rings and buffers among them, and of the
///   shared libraries' like
/// @param descriptors open ones
record Footprint(long heap, long anonymous, long shared, long descriptors, long threads) {
  private static final int COLLECTIONS = 3;

  /// Collects garbage first.
  static Footprint now() throws IOException {
    for (int i = 0; i < COLLECTIONS; i++) {
      System.gc();
    }
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return new Footprint(
          ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
          resident("RssAnon:"),
          resident("RssShmem:"),
          descriptors.count(),
          resident("Threads:") / 1024);
    }
  }

  /// @return octets, of a line in kB
  private static long resident(String name) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
      return lines
          .filter(line -> line.startsWith(name))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
          .findFirst()
          .orElseThrow(() -> new IOException("/proc/self/status has no " + name));
    }
  }
}
