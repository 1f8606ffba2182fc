package org.netback.adapters.tap;

import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/// Network namespaces and processes of one test, all of which end with it. The names carry the
/// process's number, so that runs side by side do not meet.
final class NetworkLab implements AutoCloseable {
  private final List<String> namespaces = new ArrayList<>();
  private final List<Process> processes = new ArrayList<>();

  NetworkLab() {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "taps and network namespaces need root");
  }

  /// Makes a namespace with its loopback up.
  ///
  /// @return its name, which begins with the given one
  String namespace(String name) throws IOException {
    String full = name + '-' + ProcessHandle.current().pid();
    run("ip", "netns", "add", full);
    namespaces.add(full);
    run("ip", "-n", full, "link", "set", "lo", "up");
    return full;
  }

  /// Runs a command to its end.
  ///
  /// @return what it wrote
  String run(String... command) throws IOException {
    Process process = start(command);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        fail(String.join(" ", command) + " does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (process.exitValue() != 0) {
      fail(String.join(" ", command) + " ended with " + process.exitValue() + ":\n" + output);
    }
    return output;
  }

  String runIn(String namespace, String... command) throws IOException {
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
    all.addAll(List.of(command));
    return run(all.toArray(String[]::new));
  }

  /// Starts a command that goes on until it is done or the test is.
  Process start(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    processes.add(process);
    return process;
  }

  Process startIn(String namespace, Path output, String... command) throws IOException {
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
    all.addAll(List.of(command));
    Process process =
        new ProcessBuilder(all).redirectErrorStream(true).redirectOutput(output.toFile()).start();
    processes.add(process);
    return process;
  }

  /// Waits for something that another process or the kernel does.
  static void await(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.call()) {
      if (System.nanoTime() - deadline > 0) {
        fail("waited 20 s for " + what);
      }
      TimeUnit.MILLISECONDS.sleep(10);
    }
  }

  static boolean contains(Path file, String text) throws IOException {
    return Files.exists(file) && Files.readString(file).contains(text);
  }

  @Override
  public void close() throws IOException {
    for (Process process : processes) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    List<Throwable> failures = new ArrayList<>();
    for (String namespace : namespaces) {
      Process process = new ProcessBuilder("ip", "netns", "del", namespace).start();
      try {
        if (process.waitFor() != 0) {
          failures.add(new IOException("ip netns del " + namespace));
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (!failures.isEmpty()) {
      throw new IOException("namespaces are left: " + failures);
    }
  }
}
