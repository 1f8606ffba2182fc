package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// The README's run command, as a process.
class DemoTest {
  private static final Duration LIMIT = Duration.ofMinutes(3);

  private static List<String> demo(String... before) {
    List<String> command = new ArrayList<>(List.of(before));
    command.addAll(NetnsProcess.java());
    command.addAll(List.of("demo", "--seconds", "1", "--json"));
    return command;
  }

  @Test
  void everyCheckPassesAndNothingStays() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "namespaces need root");
    Command.Result result = Command.run(LIMIT, demo());
    JsonNode report = new ObjectMapper().readTree(result.out());
    assertThat(result.code()).as(result.out() + result.err()).isZero();
    assertThat(report.path("passed").asBoolean()).isTrue();
    assertThat(report.path("leftOut")).isEmpty();
    assertThat(report.path("checks").size()).isEqualTo(23);
    assertThat(report.path("vifs").size()).isEqualTo(3);
    assertThat(orphans()).isEmpty();
  }

  /// Namespaces of demonstrations that are over; others may be running beside this one.
  private static List<String> orphans() throws Exception {
    return Pattern.compile("\\bnb([0-9]+)-(a|b|up)\\b")
        .matcher(Command.succeed(LIMIT, List.of("ip", "netns", "list")))
        .results()
        .filter(match -> ProcessHandle.of(Long.parseLong(match.group(1))).isEmpty())
        .map(match -> match.group())
        .toList();
  }

  @Test
  void withoutTheRightToMakeNamespacesItSaysWhatIsLeftOut() throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "dropping rights needs them");
    Command.Result result =
        Command.run(LIMIT, demo("setpriv", "--bounding-set=-all", "--inh-caps=-all"));
    JsonNode report = new ObjectMapper().readTree(result.out());
    assertThat(result.code()).as(result.out() + result.err()).isZero();
    assertThat(report.path("leftOut").get(0).asText()).contains("run it as root");
    assertThat(report.path("checks").size()).isEqualTo(14);
  }
}
