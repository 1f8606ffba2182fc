package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The README's run command, as a process.
class DemoTest {
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private static final List<String> PROGRAMS =
      List.of("ip", "ss", "ping", "iperf3", "true", "setsid");

  private static List<String> demo(String... before) {
    List<String> command = new ArrayList<>(List.of(before));
    command.addAll(NetnsProcess.java());
    command.addAll(List.of("demo", "--seconds", "1", "--json"));
    return command;
  }

  @Test
  void everyCheckPassesAndNothingStays() throws Exception {
    Lab.assume(PROGRAMS.toArray(String[]::new));
    Program.Result result = Program.run(LIMIT, demo());
    JsonNode report = new ObjectMapper().readTree(result.out());
    assertThat(result.code()).as(result.out() + result.err()).isZero();
    assertThat(report.path("passed").asBoolean()).isTrue();
    assertThat(report.path("leftOut")).isEmpty();
    assertThat(report.path("checks").size()).isEqualTo(24);
    assertThat(report.path("vifs").size()).isEqualTo(3);
    assertThat(orphans()).isEmpty();
  }

  /// Namespaces of demonstrations that are over; others may be running beside this one.
  private static List<String> orphans() throws Exception {
    return Pattern.compile("\\bnb([0-9]+)-(a|b|up)\\b")
        .matcher(Program.succeed(LIMIT, List.of("ip", "netns", "list")))
        .results()
        .filter(match -> ProcessHandle.of(Long.parseLong(match.group(1))).isEmpty())
        .map(match -> match.group())
        .toList();
  }

  @Test
  void withoutTheRightToMakeNamespacesItSaysWhatIsLeftOut() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "dropping rights needs them");
    Program.require("setpriv", "ip");
    Program.Result result =
        Program.run(LIMIT, demo("setpriv", "--bounding-set=-all", "--inh-caps=-all"));
    JsonNode report = new ObjectMapper().readTree(result.out());
    assertThat(result.code()).as(result.out() + result.err()).isZero();
    assertThat(report.path("leftOut").get(0).asText()).contains("run it as root");
    assertThat(report.path("checks").size()).isEqualTo(15);
  }

  @ParameterizedTest
  @CsvSource({"ip, 15", "ss, 20", "ping, 12", "setsid, 23"})
  void whatNeedsAMissingProgramIsLeftOutByName(String missing, int checks, @TempDir Path path)
      throws Exception {
    linkPrograms(path, missing);
    JsonNode report = demoWith(path);
    assertThat(report.path("checks")).hasSize(checks);
    assertThat(report.path("leftOut")).isNotEmpty();
    for (JsonNode leftOut : report.path("leftOut")) {
      assertThat(leftOut.asText()).contains(new MissingProgram(missing).getMessage());
    }
  }

  @Test
  void withoutIperf3ItSendsByItself(@TempDir Path path) throws Exception {
    linkPrograms(path, "iperf3");
    JsonNode report = demoWith(path);
    assertThat(report.path("checks")).hasSize(24);
    assertThat(report.path("leftOut")).isEmpty();
  }

  @Test
  void aPingThatUnderstandsOtherOptionsFailsNoCheck(@TempDir Path path) throws Exception {
    linkPrograms(path, "ping");
    writeProgram(path.resolve("ping"), "echo -w? >&2; exit 64");
    JsonNode report = demoWith(path);
    assertThat(report.path("checks")).hasSize(12);
    assertThat(report.path("leftOut")).hasSize(2);
    assertThat(report.path("leftOut").get(0).asText())
        .contains("pings by kernels, IPv4")
        .contains("exit code 64: -w?");
  }

  /// A directory for $PATH that has all but one of the programs.
  private static void linkPrograms(Path directory, String missing) throws Exception {
    Lab.assume(PROGRAMS.toArray(String[]::new));
    for (String program : PROGRAMS) {
      if (!program.equals(missing)) {
        String real = Program.find(program).orElseThrow().toString();
        writeProgram(directory.resolve(program), "exec " + real + " \"$@\"");
      }
    }
  }

  private static void writeProgram(Path file, String line) throws Exception {
    Files.writeString(file, "#!/bin/sh\n" + line + "\n");
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  /// What passed, with nothing but what is in this directory.
  private static JsonNode demoWith(Path path) throws Exception {
    Program.Result result = Program.run(LIMIT, demo("env", "PATH=" + path));
    assertThat(result.code()).as(result.out() + result.err()).isZero();
    JsonNode report = new ObjectMapper().readTree(result.out());
    assertThat(report.path("passed").asBoolean()).isTrue();
    return report;
  }
}
