package org.netback.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.daemon.demo.Report;

class DemoCommandTest {
  private static final Report.Check GOOD = new Report.Check("ping a > b", true, "0.1 ms");
  private static final Report.Check BAD = new Report.Check("ping b > a", false, "no answer");

  private static Report report(boolean passed, Report.Check... checks) {
    return new Report(
        passed,
        List.of(checks),
        List.of(),
        List.of("pings by kernels: ping is not installed"),
        JsonNodeFactory.instance.arrayNode(),
        JsonNodeFactory.instance.arrayNode());
  }

  @Test
  void fewerChecksThatAllPassAreASuccess() {
    assertThat(DemoCommand.exitCode(report(true, GOOD))).isZero();
    assertThat(DemoCommand.table(report(true, GOOD)))
        .endsWith("left out: pings by kernels: ping is not installed\nall 1 checks passed\n");
  }

  @Test
  void aCheckThatFailedIsAFailure() {
    assertThat(DemoCommand.exitCode(report(false, GOOD, BAD))).isEqualTo(1);
    assertThat(DemoCommand.table(report(false, GOOD, BAD))).endsWith("1 of 2 checks FAILED\n");
  }

  @Test
  void nothingThatCouldBeCheckedIsNoSuccess() {
    assertThat(DemoCommand.exitCode(report(false))).isEqualTo(2);
    assertThat(DemoCommand.table(report(false))).endsWith("nothing could be checked\n");
  }
}
