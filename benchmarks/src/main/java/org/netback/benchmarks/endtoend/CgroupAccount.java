package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// A control group of its own in the unified hierarchy, whose `cpu.stat` is there without any
/// controller and also beside hierarchies of version 1.
final class CgroupAccount implements CpuAccount {
  private static final Path MOUNTS = Path.of("/proc/mounts");
  private static final String PROCESSES = "cgroup.procs";
  private static final String USAGE = "usage_usec ";
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final Path group;

  private CgroupAccount(Path group) {
    this.group = group;
  }

  /// Makes the group.
  ///
  /// @return empty where there is no such hierarchy, or no right to make a group in it
  static Optional<CpuAccount> open(String name) throws IOException {
    for (String mount : Files.readAllLines(MOUNTS)) {
      String[] fields = mount.split(" ", -1);
      if (fields[2].equals("cgroup2")) {
        Path group = Path.of(fields[1], name);
        try {
          return Optional.of(new CgroupAccount(Files.createDirectory(group)));
        } catch (FileSystemException e) {
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }

  @Override
  public List<String> entering(List<String> command) {
    List<String> whole =
        new ArrayList<>(
            List.of(
                "sh",
                "-c",
                "echo $$ > \"$0\" && exec \"$@\"",
                group.resolve(PROCESSES).toString()));
    whole.addAll(command);
    return whole;
  }

  @Override
  public void started(Process process) {}

  @Override
  public double seconds() throws IOException {
    for (String line : Files.readAllLines(group.resolve("cpu.stat"))) {
      if (line.startsWith(USAGE)) {
        return Long.parseLong(line.substring(USAGE.length())) / 1e6;
      }
    }
    throw new IOException(group + "/cpu.stat says nothing of " + USAGE);
  }

  /// Removes the group, and ends whatever is left in it: what its processes have started and not
  /// ended themselves.
  @Override
  public void close() throws IOException {
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (true) {
      for (String pid : Files.readAllLines(group.resolve(PROCESSES))) {
        ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
      }
      try {
        Files.delete(group);
        return;
      } catch (FileSystemException e) {
        // EBUSY until the kernel has done with the last process.
        if (System.nanoTime() > end) {
          throw e;
        }
        Thread.onSpinWait();
      }
    }
  }
}
