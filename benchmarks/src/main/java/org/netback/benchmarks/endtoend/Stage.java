package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.netback.daemon.Cleanup;
import org.netback.daemon.Namespace;
import org.netback.daemon.Program;

/// Namespaces for one switch and its hosts, the processes that run in them, and their accounts.
/// Made afresh for every driver in every round; all of it is gone when closed. Confined to one
/// thread, but for [#close].
final class Stage implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration STOP = Duration.ofSeconds(5);
  private static final long POLL_MILLIS = 20;

  private final Path tools;
  private final Path directory;
  private final Namespace switchNamespace;
  private final List<Host> hosts = new ArrayList<>();
  private final CpuAccount switchAccount;
  private final CpuAccount guestAccount;
  private final CpuAccount hostAccount;
  private final Cleanup cleanup = new Cleanup();

  /// What a measured load says, and its cost.
  record Measured<T>(T result, Usage usage) {}

  /// A load.
  interface Action<T> {
    T run() throws IOException;
  }

  /// @param tools the directory of `traffic` and `tapswitch`
  /// @param count of hosts
  /// @param atEnd closes what there is of the stage when the end comes from outside, also while it
  ///   is being made
  Stage(Path tools, int count, Cleanup atEnd) throws IOException {
    this.tools = tools;
    atEnd.add(cleanup);
    String prefix = "nbe" + ProcessHandle.current().pid();
    try {
      directory = Files.createTempDirectory("netback-end-to-end-");
      cleanup.add(() -> delete(directory));
      switchAccount = cleanup.add(account(prefix + "-switch", false));
      guestAccount = cleanup.add(account(prefix + "-guests", false));
      hostAccount = cleanup.add(account(prefix + "-hosts", true));
      // What a signal leaves of a load that was running: there is one stage at a time.
      cleanup.add(
          () -> ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly));
      switchNamespace = namespace(prefix + "-sw");
      for (int i = 1; i <= count; i++) {
        hosts.add(new Host(i, namespace(prefix + "-h" + i)));
      }
    } catch (IOException | RuntimeException e) {
      cleanup.close();
      throw e;
    }
  }

  private static CpuAccount account(String name, boolean ended) throws IOException {
    Optional<CpuAccount> group = CgroupAccount.open(name);
    return group.isPresent() ? group.get() : new ProcessAccount(ended);
  }

  private Namespace namespace(String name) throws IOException {
    Namespace made = cleanup.add(Namespace.create(name));
    // No router is asked for and no listener reported: nothing runs but the load.
    made.succeed(
        STOP,
        "sysctl",
        "-q",
        "-w",
        "net.ipv6.conf.all.disable_ipv6=1",
        "net.ipv6.conf.default.disable_ipv6=1");
    return made;
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  /// Starts the switch and waits until the hosts reach each other.
  void start(Driver driver) throws IOException {
    driver.start(this);
    for (Host host : hosts) {
      awaitDevice(host.namespace(), host.device());
      Namespace namespace = host.namespace();
      namespace.ip("link", "set", host.device(), "mtu", "1500", "up");
      namespace.ip("addr", "add", host.address() + "/24", "dev", host.device());
      namespace.ip("route", "add", "224.0.0.0/4", "dev", host.device());
    }
    Host first = hosts.get(0);
    for (Host host : hosts.subList(1, hosts.size())) {
      await(
          host.address() + " to reach " + first.address(),
          () -> {
            try {
              Program.Result ping =
                  Program.run(
                      STOP,
                      host.namespace()
                          .command("ping", "-n", "-c", "1", "-W", "1", first.address()));
              return ping.code() == 0;
            } catch (IOException e) {
              return false;
            }
          });
    }
  }

  Namespace switchNamespace() {
    return switchNamespace;
  }

  List<Host> hosts() {
    return List.copyOf(hosts);
  }

  /// A file of this stage.
  Path file(String name) {
    return directory.resolve(name);
  }

  /// A program of this module, built from C.
  String tool(String name) {
    return tools.resolve(name).toString();
  }

  /// Starts a process of the switch; it ends with the stage.
  Process startSwitch(String name, List<String> command) throws IOException {
    return start(switchAccount, name, command);
  }

  /// Starts a guest's process in its namespace; it ends with the stage.
  Process startGuest(Host host, String... command) throws IOException {
    return start(guestAccount, "guest" + host.number(), host.namespace().command(command));
  }

  /// Starts the other end of a load on a host; it ends with the stage, if not before.
  Process startHost(Host host, String name, String... command) throws IOException {
    return start(hostAccount, name, host.namespace().command(command));
  }

  private Process start(CpuAccount account, String name, List<String> command) throws IOException {
    // Input stays open: some switches end with it.
    Process process =
        new ProcessBuilder(account.entering(command))
            .redirectErrorStream(true)
            .redirectOutput(log(name).toFile())
            .start();
    cleanup.add(() -> end(process));
    account.started(process);
    return process;
  }

  private static void end(Process process) throws InterruptedException {
    process.destroy();
    if (!process.waitFor(STOP.toMillis(), TimeUnit.MILLISECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }

  private Path log(String name) {
    return directory.resolve(name + ".log");
  }

  /// What a process started under this name has printed, once it has ended.
  String output(String name, Process process) throws IOException {
    await(name + " to end", () -> !process.isAlive());
    String text = Files.readString(log(name));
    if (process.exitValue() != 0) {
      throw new IOException(name + ": exit code " + process.exitValue() + ": " + text.strip());
    }
    return text;
  }

  /// The last lines of everything that was started, for a message.
  String logs() throws IOException {
    StringBuilder text = new StringBuilder();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".log")).sorted().toList()) {
        List<String> lines = Files.readAllLines(file);
        for (String line : lines.subList(Math.max(0, lines.size() - 5), lines.size())) {
          text.append(file.getFileName()).append(": ").append(line).append('\n');
        }
      }
    }
    return text.toString();
  }

  /// Runs a program on a host to its end.
  ///
  /// @return what it printed
  String run(Host host, int seconds, String... command) throws IOException {
    return Program.succeed(
        PATIENCE.plusSeconds(seconds), hostAccount.entering(host.namespace().command(command)));
  }

  /// Runs a program of the switch's that has to succeed.
  void runSwitch(List<String> command) throws IOException {
    var _ = Program.succeed(PATIENCE, switchAccount.entering(command));
  }

  void awaitDevice(Namespace namespace, String device) throws IOException {
    await(
        device + " in " + namespace.name(),
        () -> {
          try {
            return Program.run(STOP, List.of("ip", "-n", namespace.name(), "link", "show", device))
                    .code()
                == 0;
          } catch (IOException e) {
            return false;
          }
        });
  }

  /// Waits for something that a process does in its time.
  void await(String what, BooleanSupplier done) throws IOException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!done.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new IOException("waited " + PATIENCE.toSeconds() + " s for " + what);
      }
      pause(POLL_MILLIS);
    }
  }

  static void pause(long millis) throws IOException {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  /// Runs a load and says what it has cost.
  <T> Measured<T> measure(Action<T> load) throws IOException {
    Machine machine = Machine.now();
    double ofSwitch = switchAccount.seconds();
    double ofGuests = guestAccount.seconds();
    double ofHosts = hostAccount.seconds();
    long start = System.nanoTime();
    T result = load.run();
    double seconds = (System.nanoTime() - start) / 1e9;
    ofSwitch = switchAccount.seconds() - ofSwitch;
    ofGuests = guestAccount.seconds() - ofGuests;
    ofHosts = hostAccount.seconds() - ofHosts;
    Machine after = Machine.now();
    double all = ofSwitch + ofGuests + ofHosts + after.ksoftirqd() - machine.ksoftirqd();
    return new Measured<>(
        result,
        new Usage(
            all,
            ofSwitch,
            ofGuests,
            Math.max(0, after.busy() - machine.busy() - all) / seconds,
            (after.stolen() - machine.stolen()) / seconds));
  }

  @Override
  public void close() {
    cleanup.close();
  }
}
