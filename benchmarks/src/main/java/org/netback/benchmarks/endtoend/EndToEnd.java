package org.netback.benchmarks.endtoend;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.netback.daemon.Cleanup;
import picocli.CommandLine;

/// Measures switches between kernels' stacks: every round has every switch once, one after the
/// other, in an order that moves on by one from round to round; every switch gets namespaces and
/// processes of its own each time. Only what is within a round is compared.
@CommandLine.Command(
    name = "end-to-end",
    mixinStandardHelpOptions = true,
    description = "Measures this daemon and its peers between network namespaces, in turn.")
public final class EndToEnd implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  @CommandLine.Parameters(hidden = true, description = "The project's directory.")
  private Path root = Path.of("");

  @CommandLine.Option(
      names = "--drivers",
      split = ",",
      paramLabel = "NAME",
      description =
          "Of ctap, bridge, netback-tap, netback-guest, ovs-tap, ovs-tso, vde, qemu-hub (all that"
              + " are installed).")
  private List<String> drivers = List.of();

  @CommandLine.Option(
      names = "--tests",
      split = ",",
      paramLabel = "NAME",
      description = "Of tcp, pps64, fix100k, rr, mcast (all).")
  private List<String> tests = List.of();

  @CommandLine.Option(names = "--rounds", description = "How many (${DEFAULT-VALUE}).")
  private int rounds = 5;

  @CommandLine.Option(
      names = "--seconds",
      description = "That each load is measured for, 30 at most (${DEFAULT-VALUE}).")
  private int seconds = 2;

  @CommandLine.Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Where table.md, samples.jsonl and end-to-end.svg are written"
              + " (benchmarks/target/end-to-end).")
  private Path out = Path.of("benchmarks/target/end-to-end");

  private final Samples samples = new Samples();
  private final List<String> remarks = new ArrayList<>();

  private EndToEnd() {}

  public static void main(String[] args) {
    System.exit(
        new CommandLine(new EndToEnd())
            .setExecutionExceptionHandler(
                (problem, _, _) -> {
                  if (problem instanceof IOException
                      || problem instanceof IllegalArgumentException) {
                    System.err.println(problem.getMessage());
                    return 1;
                  }
                  throw problem;
                })
            .execute(args));
  }

  @Override
  public Integer call() throws IOException {
    List<Load> loads = new ArrayList<>(List.of(Load.values()));
    chosen(loads.stream().map(Load::key).toList(), tests);
    loads.removeIf(load -> !tests.isEmpty() && !tests.contains(load.key()));
    List<Driver> installed = installed();
    if (seconds < 1 || seconds > 30 || rounds < 1) {
      throw new IllegalArgumentException("--seconds 1 to 30, --rounds 1 or more");
    }
    Files.createDirectories(out);
    Path file = out.resolve("samples.jsonl");
    Files.deleteIfExists(file);
    try (Cleanup cleanup = new Cleanup()) {
      // A signal ends a run as tidily as its end does.
      Runtime.getRuntime().addShutdownHook(new Thread(cleanup::close, "cleanup"));
      for (int round = 0; round < rounds; round++) {
        List<Driver> order = new ArrayList<>(installed);
        Collections.rotate(order, -round);
        for (Driver driver : order) {
          new Round(round, driver, loads, seconds, root.resolve("benchmarks/target"), cleanup)
              .run(sample -> keep(sample, file), this::remark);
        }
      }
    }
    List<String> rows = installed.stream().map(Driver::name).toList();
    String report = Report.of(samples, rows, remarks);
    Files.writeString(out.resolve("table.md"), report);
    System.out.println(report);
    if (missing(List.of("gnuplot")).isEmpty()) {
      Plot.draw(samples, rows, out);
    }
    return samples.all().isEmpty() ? 1 : 0;
  }

  private List<Driver> installed() {
    Path program = root.resolve("benchmarks/target/netback/bin/netback").toAbsolutePath();
    List<Driver> known =
        List.of(
            new TapSwitch(),
            new LinuxBridge(),
            new Netback(program, Netback.Shape.TAP),
            new Netback(program, Netback.Shape.GUEST),
            new OpenVSwitch(OpenVSwitch.Ports.TAP),
            new OpenVSwitch(OpenVSwitch.Ports.TSO),
            new Vde(),
            new QemuHub());
    chosen(known.stream().map(Driver::name).toList(), drivers);
    List<Driver> installed = new ArrayList<>();
    for (Driver driver : known) {
      if (!drivers.isEmpty() && !drivers.contains(driver.name())) {
        continue;
      }
      List<String> missing = missing(driver.programs());
      if (missing.isEmpty()) {
        installed.add(driver);
      } else {
        remarks.add(driver.name() + " skipped, not installed: " + String.join(", ", missing));
      }
    }
    return installed;
  }

  private static void chosen(List<String> known, List<String> chosen) {
    if (!known.containsAll(chosen)) {
      throw new IllegalArgumentException(
          String.join(",", chosen) + " is not of " + String.join(",", known));
    }
  }

  private static List<String> missing(List<String> programs) {
    List<Path> directories =
        Arrays.stream(System.getenv().getOrDefault("PATH", "/usr/sbin:/usr/bin").split(":", -1))
            .map(Path::of)
            .toList();
    return programs.stream()
        .filter(
            program ->
                directories.stream()
                    .noneMatch(directory -> Files.isExecutable(directory.resolve(program))))
        .toList();
  }

  private void keep(Sample sample, Path file) {
    samples.add(sample);
    ObjectNode line = JSON.createObjectNode();
    line.put("round", sample.round());
    line.put("driver", sample.driver());
    line.put("test", sample.load().key());
    sample.values().forEach(line::put);
    try {
      Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    System.err.println(
        sample.round()
            + " "
            + sample.driver()
            + " "
            + sample.load().key()
            + ": "
            + sample.values().entrySet().stream()
                .map(value -> value.getKey() + " " + Report.number(value.getValue()))
                .collect(Collectors.joining(", ")));
  }

  private void remark(Round.Failure failure) {
    remarks.add(failure.what() + " failed: " + failure.reason());
    System.err.println(failure.what() + " failed: " + failure.reason());
  }
}
