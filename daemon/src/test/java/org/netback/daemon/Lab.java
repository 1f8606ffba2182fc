package org.netback.daemon;

import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.netback.client.ControlClient;

/// Daemons, grounds and guests as processes of their own, with network namespaces between them:
/// named with this process's number, and removed when closed.
public final class Lab implements AutoCloseable {
  public static final Duration PATIENCE = Duration.ofMinutes(3);

  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final AtomicInteger NEXT = new AtomicInteger();

  private final Cleanup cleanup = new Cleanup();
  private final Path directory;
  private final int number = NEXT.incrementAndGet();

  public Lab() throws IOException {
    assumeTrue(
        "root".equals(System.getProperty("user.name")), "network namespaces and taps need root");
    assumeTrue(Files.exists(Path.of("/dev/net/tun")), "taps need /dev/net/tun");
    directory = Files.createTempDirectory("nb-lab-");
    cleanup.add(this::deleteFiles);
  }

  /// Aborts the test where no namespaces and taps can be made, or a program is missing.
  public static void assume(String... programs) throws IOException {
    Program.require(programs);
    try (Lab lab = new Lab()) {
      lab.namespace("probe");
    }
  }

  private void deleteFiles() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  public Path directory() {
    return directory;
  }

  public Path run() {
    return directory.resolve("run");
  }

  public Path control() {
    return run().resolve("control.sock");
  }

  public <T extends AutoCloseable> T add(T part) {
    return cleanup.add(part);
  }

  public Namespace namespace(String name) throws IOException {
    String full = "nbt" + ProcessHandle.current().pid() + "-" + number + name;
    try {
      return cleanup.add(Namespace.create(full));
    } catch (MissingProgram e) {
      throw e;
    } catch (IOException e) {
      return abort("no network namespace can be made here: " + e.getMessage());
    }
  }

  /// Starts a ground and waits until it listens.
  public NetnsProcess ground() throws IOException {
    NetnsProcess ground = start("", "ground", List.of("ground", "--run", run().toString()));
    await("the ground to listen", () -> Files.exists(run().resolve("ground.sock")));
    return ground;
  }

  /// Starts a daemon with this configuration and waits until it answers.
  public NetnsProcess daemon(String yaml) throws IOException {
    Path file = Files.writeString(directory.resolve("netback.yaml"), yaml);
    NetnsProcess daemon = start("", "daemon", List.of("run", "--config", file.toString()));
    await("the daemon to answer", () -> get("/status").isObject());
    return daemon;
  }

  /// Starts a guest in a namespace, waits until it is connected, and gives its tap addresses.
  public NetnsProcess guest(Namespace namespace, String name, int address, String... options)
      throws IOException {
    NetnsProcess guest = guestWithoutAddresses(namespace, name, options);
    namespace.addresses("eth0", "10.77.0." + address, "fd77::" + address);
    return guest;
  }

  public NetnsProcess guestWithoutAddresses(Namespace namespace, String name, String... options)
      throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of("guest", "--name", name, "--network", "lan", "--tap", "eth0", "--ground"));
    arguments.add(run().resolve("ground.sock").toString());
    arguments.addAll(List.of(options));
    long before = connections(name);
    NetnsProcess guest = start(namespace.name(), name, arguments);
    await(name + " to be connected", () -> connections(name) > before);
    return guest;
  }

  /// How often a guest has said that it is connected.
  public long connections(String name) throws IOException {
    return log(name).lines().filter(line -> line.contains("connected to lan")).count();
  }

  public String log(String name) throws IOException {
    Path log = directory.resolve(name + ".log");
    return Files.exists(log) ? Files.readString(log) : "";
  }

  private NetnsProcess start(String namespace, String name, List<String> arguments)
      throws IOException {
    return cleanup.add(NetnsProcess.start(namespace, directory.resolve(name + ".log"), arguments));
  }

  /// What the control API answers; a missing node if no daemon does.
  public JsonNode get(String path) {
    try {
      return MAPPER.readTree(new ControlClient(control()).request("GET", path, "").body());
    } catch (IOException e) {
      return MAPPER.missingNode();
    }
  }

  /// A guest's vif in full.
  public JsonNode vif(String guest) {
    for (JsonNode vif : get("/vifs")) {
      if (vif.path("guest").asText().equals(guest)) {
        return get("/vifs/" + vif.path("id").asText());
      }
    }
    return MAPPER.missingNode();
  }

  /// Runs one of Debian's xenstore tools against the ground's xenstored.
  public String xenstore(String... command) throws IOException {
    Program.require(command[0]);
    List<String> whole =
        new ArrayList<>(List.of("env", "XENSTORED_PATH=" + run().resolve("xenstored.sock")));
    whole.addAll(List.of(command));
    return Program.succeed(PATIENCE, whole).strip();
  }

  /// Polls until a condition holds.
  public void await(String what, Callable<Boolean> condition) throws IOException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        if (condition.call()) {
          return;
        }
        if (System.nanoTime() > end) {
          throw new IOException("waited for " + what + "; logs:\n" + logs());
        }
        TimeUnit.MILLISECONDS.sleep(20);
      } catch (IOException e) {
        throw e;
      } catch (Exception e) {
        throw new IOException("waiting for " + what, e);
      }
    }
  }

  private String logs() throws IOException {
    StringBuilder text = new StringBuilder();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".log")).toList()) {
        text.append(file.getFileName()).append(":\n").append(Files.readString(file));
      }
    }
    return text.toString();
  }

  /// What iperf3 measures from one namespace to a server in another.
  ///
  /// @param options the client's; empty ones are left out
  public JsonNode iperf(Namespace from, Namespace to, String address, String... options)
      throws IOException {
    Process server =
        new ProcessBuilder(to.command("iperf3", "-s", "-1"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    AutoCloseable kill = () -> server.destroyForcibly().waitFor();
    add(kill);
    String[] listening = {"ss", "-Hltn", "sport", "=", ":5201"};
    await("iperf3 to listen", () -> !to.succeed(PATIENCE, listening).isBlank());
    List<String> command =
        new ArrayList<>(List.of("iperf3", "-J", "--connect-timeout", "5000", "-c", address));
    Stream.of(options).filter(option -> !option.isEmpty()).forEach(command::add);
    try {
      return MAPPER.readTree(from.succeed(PATIENCE, command.toArray(String[]::new))).path("end");
    } finally {
      server.destroy();
      await("iperf3 to end", () -> !server.isAlive());
    }
  }

  /// SIGKILL, and wait until the process is gone.
  public static void kill(NetnsProcess process) throws InterruptedException {
    process.process().destroyForcibly().waitFor();
  }

  public static void signal(NetnsProcess process, String signal) throws IOException {
    Program.succeed(
        PATIENCE, List.of("kill", "-" + signal, Long.toString(process.process().pid())));
  }

  @Override
  public void close() {
    cleanup.close();
  }
}
