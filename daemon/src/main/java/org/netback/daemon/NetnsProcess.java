package org.netback.daemon;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// A netback process of its own in a network namespace, killed when closed.
public final class NetnsProcess implements AutoCloseable {
  private static final long STOP_SECONDS = 5;

  private final Process process;

  private NetnsProcess(Process process) {
    this.process = process;
  }

  /// Starts this very program, with the same class path. It ignores no signal, whatever this
  /// process does (one that nohup has started ignores SIGHUP).
  ///
  /// @param namespace as `ip netns` names it; empty for this process's own
  /// @param log where its output goes
  /// @param arguments of the command line
  /// @throws MissingProgram there is a namespace to enter, and no `ip`
  public static NetnsProcess start(String namespace, Path log, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    if (!namespace.isEmpty()) {
      command.addAll(List.of("ip", "netns", "exec", namespace));
    }
    command.addAll(List.of("/usr/bin/env", "--default-signal"));
    command.addAll(java());
    command.addAll(arguments);
    return new NetnsProcess(
        Program.start(
            new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))));
  }

  /// The command that runs this program again.
  public static List<String> java() {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String option : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
      if (option.startsWith("-XX:AOTCache=") || option.startsWith("-Xlog:")) {
        command.add(option);
      }
    }
    command.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-XX:+UseCompactObjectHeaders",
            "-Xms64m",
            "-Xmx256m",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            "org.netback.daemon.cli.Main"));
    return command;
  }

  public Process process() {
    return process;
  }

  /// SIGTERM, then SIGKILL for one that does not care.
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
