package org.netback.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest {
  private record Outcome(int code, String out, String err) {}

  private static Outcome netback(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Main.execute(new PrintWriter(out), new PrintWriter(err), arguments);
    return new Outcome(code, out.toString(), err.toString());
  }

  @Test
  void saysWhichSocketNobodyListensOnAndWhatToDo(@TempDir Path directory) {
    Path socket = directory.resolve("c.sock");
    assertThat(netback("status", "--control", socket.toString()))
        .isEqualTo(
            new Outcome(
                69,
                "",
                "netback: no daemon listens on "
                    + socket
                    + " (No such file or directory): start one with \"netback run --config FILE\","
                    + " or name its socket with --control SOCKET\n"));
  }

  @Test
  void namesTheLineOfABadConfiguration(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("n.yaml"), "ground: {run: r}\nlops: 1\n");
    assertThat(netback("run", "--config", file.toString()))
        .isEqualTo(
            new Outcome(
                78,
                "",
                "netback: "
                    + file
                    + ":2:1: unknown key \"lops\" in the configuration; did you mean \"loops\"?"
                    + " Allowed are ground, control, loops, linger-us, vifs, consoles, networks,"
                    + " taps\n"));
  }

  @Test
  void explainsAWrongOption() {
    Outcome outcome = netback("run", "--confg", "x");
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("--config").doesNotContain("\tat ");
  }

  @Test
  void refusesNumbersThatCannotBe() {
    assertThat(netback("guest", "--name", "x", "--network", "lan", "--mtu", "9000000"))
        .isEqualTo(
            new Outcome(
                2,
                "",
                "netback: --mtu is \"9000000\", but has to be 68 to 65517; \"netback guest --help\""
                    + " tells how it is written\n"));
    assertThat(netback("guest", "--name", "x", "--network", "a b").err())
        .contains("the name of a network has 1 to 64 letters");
  }

  @Test
  void helpNamesEveryCommandButThoseForItself() {
    assertThat(netback("--help").out())
        .contains("run", "stop", "ground", "guest", "demo", "status", "vif", "fdb", "port")
        .doesNotContain("socket-transfer", "rehearse");
  }
}
