package org.netback.adapters.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/// Network namespaces and processes of one test, all of which end with it. The names carry the
/// process's number, so that runs side by side do not meet.
public final class NetworkLab implements AutoCloseable {
  private static final Pattern ANSWER = Pattern.compile("bytes from .* icmp_seq=([0-9]+)");

  private final List<String> namespaces = new ArrayList<>();
  private final List<Process> processes = new ArrayList<>();

  public NetworkLab() {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "taps and network namespaces need root");
    Assumptions.assumeTrue(Files.exists(Path.of("/dev/net/tun")), "taps need /dev/net/tun");
    assumeInstalled("ip");
  }

  /// Aborts the test where a program is not in $PATH.
  public static void assumeInstalled(String program) {
    Assumptions.assumeTrue(
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(directory -> Files.isExecutable(Path.of(directory, program))),
        program + " is not installed: bin/install tests");
  }

  /// Makes a namespace with its loopback up.
  ///
  /// @return its name, which begins with the given one
  public String namespace(String name) throws IOException {
    String full = name + '-' + ProcessHandle.current().pid();
    Process adding = start("ip", "netns", "add", full);
    String output = new String(adding.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    Assumptions.assumeTrue(
        adding.onExit().join().exitValue() == 0,
        "no network namespace can be made here: " + output);
    namespaces.add(full);
    run("ip", "-n", full, "link", "set", "lo", "up");
    return full;
  }

  /// Runs a command to its end.
  ///
  /// @return what it wrote
  public String run(String... command) throws IOException {
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

  public String runIn(String namespace, String... command) throws IOException {
    assumeInstalled(command[0]);
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
    all.addAll(List.of(command));
    return run(all.toArray(String[]::new));
  }

  /// Pings until as many answers have come as `-c` says; fails if they do not. Without a deadline
  /// ping gives up two round trips after its last request, which a busy machine takes longer for.
  public void ping(String namespace, String... options) throws IOException {
    List<String> all = new ArrayList<>(List.of("ping", "-w", "20"));
    all.addAll(List.of(options));
    runIn(namespace, all.toArray(String[]::new));
  }

  /// Pings, and fails if any answer is missing.
  ///
  /// @param count how many there are to be
  public void pingWithoutLoss(String namespace, int count, String... options) throws IOException {
    assertNoneLost(runIn(namespace, pings(count, options)), count);
  }

  /// The command whose output [#assertNoneLost] judges. It has a deadline, as [#ping] has.
  public static String[] pings(int count, String... options) {
    List<String> all = new ArrayList<>(List.of("ping", "-n", "-w", "25"));
    all.addAll(List.of("-c", Integer.toString(count)));
    all.addAll(List.of(options));
    return all.toArray(String[]::new);
  }

  /// Judges answers by their numbers: with a deadline ping sends on until the last answer has come,
  /// and would call lost what is under way then.
  public static void assertNoneLost(String output, int count) {
    assertThat(ANSWER.matcher(output).results().map(r -> Integer.valueOf(r.group(1))).sorted())
        .containsExactlyElementsOf(IntStream.rangeClosed(1, count).boxed().toList());
  }

  /// Starts a command that goes on until it is done or the test is.
  public Process start(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    processes.add(process);
    return process;
  }

  public Process startIn(String namespace, Path output, String... command) throws IOException {
    assumeInstalled(command[0]);
    List<String> all = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
    all.addAll(List.of(command));
    Process process =
        new ProcessBuilder(all).redirectErrorStream(true).redirectOutput(output.toFile()).start();
    processes.add(process);
    return process;
  }

  /// Two seconds of iperf3 from one namespace to another.
  ///
  /// @return what arrived, in Mbit/s
  public double iperf(
      Path directory, String client, String server, String address, String... options)
      throws Exception {
    Path output = Files.createTempFile(directory, "iperf", "");
    Process listening = startIn(server, output, "iperf3", "-s", "-1", "--forceflush");
    await("iperf3", () -> contains(output, "Server listening"));
    List<String> command = new ArrayList<>(List.of("iperf3", "-c", address, "-t", "2", "-f", "m"));
    command.addAll(List.of(options));
    String report = runIn(client, command.toArray(String[]::new));
    Matcher rate = Pattern.compile("([0-9.]+) Mbits/sec.*receiver").matcher(report);
    double last = -1;
    while (rate.find()) {
      // With several streams, the sum comes last.
      last = Double.parseDouble(rate.group(1));
    }
    if (last <= 0) {
      fail("nothing arrived:\n" + report);
    }
    if (!listening.waitFor(10, TimeUnit.SECONDS)) {
      fail("the iperf3 server does not end");
    }
    return last;
  }

  /// Waits for something that another process or the kernel does.
  public static void await(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.call()) {
      if (System.nanoTime() - deadline > 0) {
        fail("waited 20 s for " + what);
      }
      TimeUnit.MILLISECONDS.sleep(10);
    }
  }

  public static boolean contains(Path file, String text) throws IOException {
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
