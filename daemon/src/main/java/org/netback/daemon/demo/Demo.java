package org.netback.daemon.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.netback.client.ControlClient;
import org.netback.client.ControlConnection;
import org.netback.daemon.Cleanup;
import org.netback.daemon.Daemon;
import org.netback.daemon.MissingProgram;
import org.netback.daemon.Namespace;
import org.netback.daemon.NetnsProcess;
import org.netback.daemon.Program;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.daemon.config.RunDirectory;
import org.netback.daemon.config.Sections;
import org.netback.daemon.config.VifSection;
import org.netback.daemon.config.VifSection.VifChoice;
import org.netback.guest.ConsoleShell;
import org.netback.guest.StationGuest;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.PtyMaster;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.GuestSpec;

/// Guests, a switch and an uplink on one machine: two guests with a kernel's network stack each,
/// one without a kernel in this process, and a tap with a stack of its own behind it. Everybody
/// pings everybody, then TCP and small frames run between them.
///
/// Nothing touches the host's own network: the stacks live in namespaces named with this process's
/// number. Where no namespaces or taps can be made there are three guests without a kernel instead;
/// where another tool is missing, the checks that need it are left out. The report says so.
public final class Demo {
  private static final String NETWORK = "demo";
  private static final Duration CONNECT = Duration.ofSeconds(60);
  private static final Duration PING = Duration.ofSeconds(5);
  private static final int PINGS = 5;

  /// What a shell at a console needs.
  private static final String SETSID = "setsid";

  /// Rates per second that a machine with ten times too much to do still reaches.
  private static final double CRAWL_BITS = 1e5;

  private static final double CRAWL_FRAMES = 100;

  private static final Pattern ROUND_TRIP = Pattern.compile("= [0-9.]+/([0-9.]+)/");
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final int seconds;
  private final boolean kernels;
  private final Consumer<String> progress;
  private final Cleanup cleanup;
  private final Report.Notes notes = new Report.Notes();
  private final String prefix = "nb" + ProcessHandle.current().pid();

  /// A kernel's stack behind a tap.
  private record Stack(String name, Namespace namespace, String ipv4, String ipv6) {
    List<String> addresses() {
      return List.of(ipv4, ipv6);
    }
  }

  /// @param seconds that each load runs
  /// @param kernels whether namespaces are made where they can be
  /// @param progress is told what happens, a line each
  /// @param cleanup gets everything that has to be undone
  public Demo(int seconds, boolean kernels, Consumer<String> progress, Cleanup cleanup) {
    this.seconds = seconds;
    this.kernels = kernels;
    this.progress = progress;
    this.cleanup = cleanup;
  }

  /// Runs it all.
  ///
  /// @throws IOException something that is not a check's matter failed: a process or a namespace
  public Report run() throws IOException {
    Path directory = Files.createTempDirectory("netback-demo-");
    cleanup.add(() -> delete(directory));
    Optional<KernelStacks> stacks =
        kernels
            ? KernelStacks.make(
                List.of(prefix + "-a", prefix + "-b", prefix + "-up"), cleanup, notes)
            : Optional.empty();
    Daemon daemon = startDaemon(directory, stacks);
    if (stacks.isPresent()) {
      withKernels(directory, daemon, stacks.get());
    } else {
      withoutKernels(directory, daemon);
    }
    ControlClient control = new ControlClient(daemon.configuration().controlSocket());
    return notes.finish(get(control, "/vifs"), get(control, "/ports"));
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }

  private Daemon startDaemon(Path directory, Optional<KernelStacks> stacks) throws IOException {
    progress.accept("starting ground, switch and backend in " + directory);
    NetworkChoice network = new NetworkChoice(NETWORK, 1024, Duration.ofMinutes(5), 256, List.of());
    List<TapChoice> taps =
        stacks
            .map(made -> made.namespaces().get(2).name())
            .map(namespace -> List.of(new TapChoice("up0", NETWORK, namespace, 1, 1500, false)))
            .orElse(List.of());
    return cleanup.add(
        Daemon.start(
            new Configuration(
                new EmbeddedChoice(directory, false),
                directory.resolve("control.sock"),
                Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 2),
                ConfigurationFile.DEFAULT_LINGER_MICROS,
                Sections.DEFAULTS.with(VifSection.SECTION, new VifChoice(2)),
                List.of(network),
                taps)));
  }

  private void withKernels(Path directory, Daemon daemon, KernelStacks kernels) throws IOException {
    List<Namespace> namespaces = kernels.namespaces();
    Stack a = new Stack("guest-a", namespaces.get(0), "10.66.0.1", "fd66::1");
    Stack b = new Stack("guest-b", namespaces.get(1), "10.66.0.2", "fd66::2");
    Stack uplink = new Stack("uplink", namespaces.get(2), "10.66.0.3", "fd66::3");
    giveAddresses(kernels, uplink, "up0");
    progress.accept("starting guest-a and guest-b as processes in namespaces of their own");
    for (Stack guest : List.of(a, b)) {
      startGuest(directory, guest);
    }
    StationGuest c = startStation(daemon, "guest-c", 4);
    for (Stack guest : List.of(a, b)) {
      awaitTap(directory, guest);
      giveAddresses(kernels, guest, "eth0");
    }
    progress.accept("all guests are connected; pinging all pairs");
    List<String> addressesOfC = List.of(c.ipv4().getHostAddress(), c.ipv6().getHostAddress());
    List<Stack> stacks = List.of(a, b, uplink);
    for (int i = 0; i < stacks.size(); i++) {
      Stack from = stacks.get(i);
      for (Stack to : stacks.subList(i + 1, stacks.size())) {
        ping(kernels, from, to.name, to.addresses());
      }
      ping(kernels, from, c.name(), addressesOfC);
      ping(c, from.name, from.addresses().stream().filter(kernels::have).toList());
    }
    console(daemon, directory, a.name);
    bulk(kernels, a, b, b.ipv4);
    bulk(kernels, b, a, a.ipv6);
    bulk(kernels, a, uplink, uplink.ipv4);
    bulk(kernels, uplink, b, b.ipv6);
    smallFrames(daemon, c, a.name, a.ipv4);
  }

  private static void giveAddresses(KernelStacks kernels, Stack stack, String tap)
      throws IOException {
    for (String address : stack.addresses()) {
      if (kernels.have(address)) {
        stack.namespace.address(tap, address);
      }
    }
  }

  private void withoutKernels(Path directory, Daemon daemon) throws IOException {
    progress.accept("starting three guests in this process");
    List<StationGuest> guests = new ArrayList<>();
    for (int i = 1; i <= 3; i++) {
      guests.add(startStation(daemon, "guest-" + i, i));
    }
    progress.accept("all guests are connected; pinging all pairs");
    for (StationGuest from : guests) {
      for (StationGuest to : guests) {
        if (from != to) {
          ping(from, to.name(), List.of(to.ipv4().getHostAddress(), to.ipv6().getHostAddress()));
        }
      }
    }
    if (startShell(daemon, "guest-4")) {
      console(daemon, directory, "guest-4");
    }
    StationGuest to = guests.get(1);
    flood(guests.get(0), to, 22, "small frames (64 octets)");
    flood(guests.get(0), to, 1472, "full frames (1514 octets)");
  }

  private void startGuest(Path directory, Stack guest) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of("guest", "--name", guest.name, "--network", NETWORK, "--tap", "eth0"));
    arguments.addAll(List.of("--ground", new RunDirectory(directory).ground().toString()));
    if (lackOfShells().isEmpty()) {
      arguments.add("--console");
    }
    cleanup.add(
        NetnsProcess.start(
            guest.namespace.name(), directory.resolve(guest.name + ".log"), arguments));
  }

  /// Why no shell can be put at a console, if so.
  private static Optional<String> lackOfShells() {
    try {
      Program.require(SETSID);
      PtyMaster.cooked().close();
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /// A guest with a console and nothing else, where there are shells.
  private boolean startShell(Daemon daemon, String name) throws IOException {
    Optional<String> lack = lackOfShells();
    if (lack.isPresent()) {
      notes.leftOut("console of " + name + ": " + lack.get());
      return false;
    }
    ConsoleShell shell =
        cleanup.add(ConsoleShell.start("/bin/sh", new InternalErrors(System::nanoTime)));
    GuestDomain domain =
        cleanup.add(
            daemon
                .ground()
                .own()
                .orElseThrow()
                .createDomain(new GuestSpec(name, new DomainSize(1, 10), List.of())));
    shell.connect(domain);
    cleanup.add(shell::disconnect);
    return true;
  }

  /// Attaches to a guest's console, as `netback console attach` does, and has its shell answer.
  private void console(Daemon daemon, Path directory, String guest) throws IOException {
    String name = "console of " + guest;
    Optional<String> lack = lackOfShells();
    if (lack.isPresent()) {
      notes.leftOut(name + ": " + lack.get());
      return;
    }
    progress.accept("attaching to the " + name);
    ControlClient control = new ControlClient(daemon.configuration().controlSocket());
    await("the " + name, () -> hasConsole(control, guest), directory.resolve(guest + ".log"));
    long start = System.nanoTime();
    try (ControlConnection console =
        control.upgrade(
            "GET", ControlClient.path("consoles", guest, "attach"), "netback-console")) {
      // A shell that says nothing does not hold the demonstration up for ever.
      CompletableFuture<Void> end =
          CompletableFuture.runAsync(
              () -> cut(console),
              CompletableFuture.delayedExecutor(CONNECT.toSeconds(), TimeUnit.SECONDS));
      String answer = ask(console, "echo $((6 * 7))\r", "42\r\n");
      end.cancel(false);
      boolean answered = answer.endsWith("42\r\n");
      notes.check(
          name,
          answered,
          answered
              ? String.format(
                  Locale.ROOT, "a command answered in %.1f ms", (System.nanoTime() - start) / 1e6)
              : "no answer: " + answer.strip());
    }
  }

  private static boolean hasConsole(ControlClient control, String guest) {
    try {
      return get(control, "/consoles").findValuesAsText("guest").contains(guest);
    } catch (IOException e) {
      return false;
    }
  }

  /// @return what was shown, up to the answer or to the connection's end
  private static String ask(ControlConnection console, String question, String answer)
      throws IOException {
    byte[] octets = question.getBytes(StandardCharsets.US_ASCII);
    console.write(octets, 0, octets.length);
    StringBuilder shown = new StringBuilder();
    byte[] octet = new byte[1];
    try {
      while (!shown.toString().endsWith(answer) && console.read(octet) == 1) {
        shown.append((char) octet[0]);
      }
    } catch (ClosedChannelException e) {
      return shown.toString(); // it was cut
    }
    return shown.toString();
  }

  private static void cut(ControlConnection console) {
    try {
      console.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitTap(Path directory, Stack guest) throws IOException {
    Path log = directory.resolve(guest.name + ".log");
    await(
        guest.name + " to be connected",
        () -> read(log).lines().anyMatch(line -> line.contains("connected to")),
        log);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "";
    }
  }

  private void await(String what, BooleanSupplier condition, Path log) throws IOException {
    long end = System.nanoTime() + CONNECT.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new IOException(
            "waited " + CONNECT.toSeconds() + " s for " + what + "; its log: " + read(log).strip());
      }
      if (cleanup.isClosed()) {
        throw new IOException("interrupted");
      }
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
  }

  private StationGuest startStation(Daemon daemon, String name, int number) throws IOException {
    EmbeddedGround ground = daemon.ground().own().orElseThrow();
    StationGuest guest =
        cleanup.add(
            StationGuest.start(ground, name, NETWORK, "10.66.0." + number, "fd66::" + number));
    guest.awaitConnected(CONNECT);
    return guest;
  }

  private void ping(KernelStacks kernels, Stack from, String to, List<String> addresses)
      throws IOException {
    for (String address : addresses) {
      if (!kernels.ping(address)) {
        continue;
      }
      Program.Result result =
          Program.run(
              Duration.ofSeconds(30), from.namespace.command(KernelStacks.ping(PINGS, address)));
      Matcher time = ROUND_TRIP.matcher(result.out());
      boolean all = result.code() == 0 && time.find();
      pinged(
          from.name,
          to,
          address,
          all,
          all ? time.group(1) + " ms" : (result.out() + result.err()).strip());
    }
  }

  private void ping(StationGuest from, String to, List<String> addresses) throws IOException {
    for (String address : addresses) {
      InetAddress target = InetAddress.getByName(address);
      long sum = 0;
      try {
        from.ping(target, PING); // also finds the neighbour
        for (int i = 0; i < PINGS; i++) {
          sum += from.ping(target, PING);
        }
        pinged(
            from.name(),
            to,
            address,
            true,
            String.format(Locale.ROOT, "%.3f ms", sum / 1e6 / PINGS));
      } catch (IOException e) {
        pinged(from.name(), to, address, false, String.valueOf(e.getMessage()));
      }
    }
  }

  private void pinged(String from, String to, String address, boolean all, String detail) {
    notes.check(
        "ping " + from + " > " + to + (KernelStacks.isIpv6(address) ? ", IPv6" : ", IPv4"),
        all,
        all ? PINGS + " of " + PINGS + ", " + detail : detail);
  }

  private void bulk(KernelStacks kernels, Stack from, Stack to, String address) throws IOException {
    if (!kernels.have(address)) {
      return;
    }
    String name =
        "TCP " + from.name + " > " + to.name + (KernelStacks.isIpv6(address) ? ", IPv6" : ", IPv4");
    progress.accept(name + ", " + seconds + " s");
    try {
      double bits =
          BulkTransfer.run(
              from.namespace, to.namespace, address, seconds, Program.find("iperf3"), cleanup);
      notes.check(name, bits >= CRAWL_BITS, String.format(Locale.ROOT, "%.2f Gbit/s", bits / 1e9));
      notes.measured(name, bits / 1e9, "Gbit/s");
    } catch (MissingProgram e) {
      notes.leftOut(name + ": " + e.getMessage());
    } catch (IOException e) {
      if (cleanup.isClosed()) {
        throw e;
      }
      notes.check(name, false, String.valueOf(e.getMessage()));
    }
  }

  /// Floods a kernel's stack; what it gets is seen at its vif.
  private void smallFrames(Daemon daemon, StationGuest from, String toName, String to)
      throws IOException {
    String name = "small frames " + from.name() + " > " + toName;
    progress.accept(name + ", " + seconds + " s");
    ControlClient control = new ControlClient(daemon.configuration().controlSocket());
    long before = delivered(control, toName);
    long start = System.nanoTime();
    from.station()
        .flood(from.queue(), InetAddress.getByName(to), 22, Duration.ofSeconds(seconds).toNanos());
    pause(Duration.ofSeconds(seconds));
    long frames = delivered(control, toName) - before;
    rate(name, frames, System.nanoTime() - start);
  }

  private void flood(StationGuest from, StationGuest to, int payload, String what)
      throws IOException {
    String name = what + " " + from.name() + " > " + to.name();
    progress.accept(name + ", " + seconds + " s");
    long before = to.station().datagrams();
    long start = System.nanoTime();
    from.station().flood(from.queue(), to.ipv4(), payload, Duration.ofSeconds(seconds).toNanos());
    pause(Duration.ofSeconds(seconds));
    rate(name, to.station().datagrams() - before, System.nanoTime() - start);
  }

  private void rate(String name, long frames, long nanos) {
    double rate = frames * 1e9 / nanos;
    notes.check(name, rate >= CRAWL_FRAMES, String.format(Locale.ROOT, "%,.0f frames/s", rate));
    notes.measured(name, rate, "frames/s");
  }

  private static void pause(Duration time) throws IOException {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static long delivered(ControlClient control, String guest) throws IOException {
    for (JsonNode vif : get(control, "/vifs")) {
      if (vif.path("guest").asText().equals(guest)) {
        return vif.path("egressFrames").asLong();
      }
    }
    throw new IOException("the daemon has no vif of " + guest);
  }

  private static JsonNode get(ControlClient control, String path) throws IOException {
    if (path.equals("/vifs")) {
      // Each in full: the rings' counters are only there.
      var all = MAPPER.createArrayNode();
      for (JsonNode vif : MAPPER.readTree(control.request("GET", path, "").body())) {
        all.add(
            MAPPER.readTree(control.request("GET", "/vifs/" + vif.path("id").asText(), "").body()));
      }
      return all;
    }
    return MAPPER.readTree(control.request("GET", path, "").body());
  }
}
