package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.client.UserError;

/// What the command `guest` says when it cannot be one: once, on stderr, with an exit code, and
/// without a trace of the guest afterwards.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GuestErrorsTest {
  private static final String DAEMON = "{ground: {run: run, apart: true}, networks: [%s]}";

  private Lab lab;
  private Namespace namespace;

  /// Three networks, and a guest "g" with the tap eth0 in its namespace.
  @BeforeAll
  void start() throws IOException {
    lab = new Lab();
    namespace = lab.namespace("g");
    lab.ground();
    lab.daemon(DAEMON.formatted("{name: lan}, {name: blue}, {name: red}"));
    lab.guestWithoutAddresses(namespace, "g");
  }

  @AfterAll
  void close() {
    if (lab != null) {
      lab.close();
    }
  }

  private static List<String> guest(Lab lab, String... options) {
    List<String> arguments = new ArrayList<>(List.of("guest", "--ground"));
    arguments.add(lab.run().resolve("ground.sock").toString());
    arguments.addAll(List.of(options));
    return arguments;
  }

  private static Program.Result run(Namespace namespace, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", namespace.name()));
    command.addAll(NetnsProcess.java());
    command.addAll(arguments);
    return Program.run(Lab.PATIENCE, command);
  }

  @Test
  void namesTheNetworksThatThereAre() throws Exception {
    Program.Result result =
        run(namespace, guest(lab, "--name", "x", "--network", "nonet", "--tap", "x0"));
    assertThat(result.code()).isEqualTo(UserError.FAILED);
    assertThat(result.err())
        .contains(
            "netback: the daemon refuses x's device: bridge: there is no network \"nonet\"; the"
                + " daemon's are ")
        .contains("lan", "blue", "red")
        .doesNotContain("feature-rx-copy", "\tat ");
    assertThat(namespace.ip("link")).doesNotContain("x0");
  }

  @Test
  void saysThatItsNameIsTaken() throws Exception {
    Program.Result result =
        run(namespace, guest(lab, "--name", "g", "--network", "lan", "--tap", "x0"));
    assertThat(result.code()).isEqualTo(UserError.FAILED);
    assertThat(result.err()).isEqualTo("netback: create domain g: domain 1 has this name\n");
  }

  @Test
  void saysThatItsTapIsInUse() throws Exception {
    Program.Result result =
        run(namespace, guest(lab, "--name", "h", "--network", "lan", "--tap", "eth0"));
    assertThat(result.code()).isEqualTo(UserError.FAILED);
    assertThat(result.err())
        .contains("netback: TUNSETIFF eth0: EBUSY", "another process has it open")
        .doesNotContain("\tat ");
  }

  @Test
  void saysThatThereIsNoGroundInADirectoryWithoutOne() throws Exception {
    Path empty = Files.createDirectory(lab.directory().resolve("empty"));
    Program.Result result =
        run(
            namespace,
            List.of("guest", "--name", "x", "--network", "lan", "--ground", empty.toString()));
    assertThat(result.code()).isEqualTo(UserError.UNAVAILABLE);
    assertThat(result.err()).startsWith("netback: no ground listens in " + empty);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aDaemonWithoutItsNetworkEndsAGuestThatWasConnected(boolean inOrder) throws Exception {
    try (Lab other = new Lab()) {
      other.ground();
      NetnsProcess daemon = other.daemon(DAEMON.formatted("{name: lan}"));
      NetnsProcess guest = other.guestWithoutAddresses(other.namespace("g"), "g");
      if (inOrder) {
        daemon.close();
      } else {
        Lab.kill(daemon);
      }
      other.daemon(DAEMON.formatted("{name: other}"));
      other.await("the guest to end", () -> !guest.process().isAlive());
      assertThat(guest.process().exitValue()).isEqualTo(UserError.FAILED);
      assertThat(other.log("g"))
          .contains("netback: the daemon refuses g's device: bridge: there is no network \"lan\"");
    }
  }

  @Test
  void givesUpOnAGroundThatIsStoppedAndWaitsForADaemonThatIsNotThere() throws Exception {
    try (Lab other = new Lab()) {
      Namespace here = other.namespace("g");
      NetnsProcess ground = other.ground();
      List<String> arguments = guest(other, "--name", "x", "--network", "lan", "--tap", "x0");

      Lab.signal(ground, "STOP");
      List<String> impatient = new ArrayList<>(arguments);
      impatient.addAll(List.of("--timeout", "0.5"));
      Program.Result result = run(here, impatient);
      Path file = other.directory().resolve("n.yaml");
      Files.writeString(file, DAEMON.formatted("{name: blue}"));
      Program.Result daemon = run(here, List.of("run", "--config", file.toString()));
      Lab.signal(ground, "CONT");

      String advice =
          " s: its process may be stopped, or have too much to do; see that, and try again\n";
      assertThat(result)
          .isEqualTo(
              new Program.Result(
                  UserError.TIMEOUT, "", "netback: the ground gave no answer within 0.5" + advice));
      assertThat(daemon)
          .isEqualTo(
              new Program.Result(
                  UserError.TIMEOUT, "", "netback: the ground gave no answer within 5.0" + advice));

      Path log = other.directory().resolve("x.log");
      NetnsProcess waiting = other.add(NetnsProcess.start(here.name(), log, arguments));
      other.await(
          "the guest to say what it waits for",
          () -> other.log("x").contains("no daemon serves the ground " + other.run()));
      assertThat(waiting.process().isAlive()).isTrue();
    }
  }
}
