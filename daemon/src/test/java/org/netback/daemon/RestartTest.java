package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.client.ControlClient;
import org.netback.client.UserError;

/// What guests notice of a daemon that ends and comes back.
class RestartTest {
  private static String configuration(boolean apart) {
    return "ground: {run: run, apart: " + apart + "}\nnetworks: [{name: lan}]\n";
  }

  /// How a daemon ends.
  private interface End {
    void of(Lab lab, NetnsProcess daemon) throws Exception;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aTcpConnectionSurvivesAKilledDaemon(boolean apart) throws Exception {
    aTcpConnectionSurvives(apart, (lab, daemon) -> Lab.kill(daemon));
  }

  @Test
  void aTcpConnectionSurvivesADaemonThatKeepsItsGuests() throws Exception {
    aTcpConnectionSurvives(
        true,
        (lab, daemon) -> {
          List<String> stop = new ArrayList<>(NetnsProcess.java());
          stop.addAll(List.of("stop", "--keep-guests", "--control", lab.control().toString()));
          Program.succeed(Lab.PATIENCE, stop);
          assertThat(daemon.process().waitFor(1, TimeUnit.MINUTES)).isTrue();
          assertThat(daemon.process().exitValue()).isZero();
        });
  }

  private static void aTcpConnectionSurvives(boolean apart, End end) throws Exception {
    try (Lab lab = new Lab()) {
      Namespace a = lab.namespace("a");
      Namespace b = lab.namespace("b");
      if (apart) {
        lab.ground();
      }
      NetnsProcess daemon = lab.daemon(configuration(apart));
      lab.guest(a, "a", 1);
      lab.guest(b, "b", 2);
      Path states = lab.directory().resolve("states");
      if (apart) {
        watchStates(lab, states);
      }
      Process server = start(lab, b, "server", "iperf3", "-s", "-1", "--forceflush");
      lab.await("iperf3 to listen", () -> lab.log("server").contains("listening"));
      Process client = start(lab, a, "client", "iperf3", "-J", "-c", "10.77.0.2", "-n", "1500M");
      lab.await(
          "the transfer to run", () -> lab.vif("b").path("egressOctets").asLong() > 10_000_000);

      end.of(lab, daemon);
      assertThat(client.isAlive()).isTrue();
      lab.daemon(configuration(apart));

      lab.await(
          "the transfer to go on", () -> lab.vif("b").path("egressOctets").asLong() > 10_000_000);
      lab.await("the transfer to end", () -> !client.isAlive());
      assertThat(client.exitValue()).as(lab.log("client")).isZero();
      JsonNode sum =
          new ObjectMapper().readTree(lab.log("client")).path("end").path("sum_received");
      assertThat(sum.path("bytes").asLong()).isGreaterThan(1_400_000_000);
      assertThat(server.waitFor()).isZero();
      assertThat(lab.connections("a")).isEqualTo(apart ? 1 : 2);
      if (apart) {
        // Each watched path once, as a watch reports it at first, and never again.
        assertThat(Files.readAllLines(states)).hasSize(4).doesNotHaveDuplicates();
      }
    }
  }

  private static Process start(Lab lab, Namespace namespace, String log, String... command)
      throws Exception {
    Process process =
        new ProcessBuilder(namespace.command(command))
            .redirectErrorStream(true)
            .redirectOutput(lab.directory().resolve(log + ".log").toFile())
            .start();
    if (command[0].equals("iperf3") && command[1].equals("-s")) {
      process.getOutputStream().close();
    }
    AutoCloseable kill = () -> process.destroyForcibly().waitFor();
    lab.add(kill);
    return process;
  }

  private static void watchStates(Lab lab, Path states) throws Exception {
    Program.require("stdbuf", "xenstore-watch");
    ProcessBuilder builder =
        new ProcessBuilder(
                "stdbuf",
                "-oL",
                "xenstore-watch",
                "/local/domain/0/backend/vif/1/0/state",
                "/local/domain/0/backend/vif/2/0/state",
                "/local/domain/1/device/vif/0/state",
                "/local/domain/2/device/vif/0/state")
            .redirectErrorStream(true)
            .redirectOutput(states.toFile());
    builder.environment().put("XENSTORED_PATH", lab.run().resolve("xenstored.sock").toString());
    Process watch = builder.start();
    AutoCloseable kill = () -> watch.destroyForcibly().waitFor();
    lab.add(kill);
    lab.await("xenstore-watch", () -> Files.readAllLines(states).size() == 4);
  }

  @Test
  void aDaemonWhoseOwnTheGroundIsCannotKeepItsGuests() throws Exception {
    try (Lab lab = new Lab()) {
      NetnsProcess daemon = lab.daemon(configuration(false));
      ControlClient control = new ControlClient(lab.control());
      ControlClient.Response refused = control.request("POST", "/stop", "{\"keepGuests\": true}");
      assertThat(refused.status()).isEqualTo(409);
      assertThat(refused.body()).contains("one that is apart");
      assertThat(daemon.process().isAlive()).isTrue();
      assertThat(control.request("POST", "/stop", "").status()).isEqualTo(202);
      assertThat(daemon.process().waitFor()).isZero();
    }
  }

  @Test
  void aDaemonWhoseGroundIsKilledEndsAndSaysWhy() throws Exception {
    try (Lab lab = new Lab()) {
      NetnsProcess ground = lab.ground();
      NetnsProcess daemon = lab.daemon(configuration(true));
      lab.guest(lab.namespace("a"), "a", 1);

      Lab.kill(ground);

      assertThat(daemon.process().waitFor()).isEqualTo(UserError.UNAVAILABLE);
      assertThat(lab.log("daemon"))
          .contains("netback: the ground " + lab.run() + " (apart) is gone (")
          .contains("): start it again, then this daemon")
          .doesNotContain("ERROR", "\tat ");
    }
  }

  @Test
  void aDaemonThatIsAskedToEndClosesInStepWithItsGuests() throws Exception {
    try (Lab lab = new Lab()) {
      Namespace a = lab.namespace("a");
      lab.ground();
      NetnsProcess daemon = lab.daemon(configuration(true));
      NetnsProcess guest = lab.guest(a, "a", 1);
      List<String> backend = List.of("xenstore-read", "/local/domain/0/backend/vif/1/0/state");

      // A guest that stands still holds the backend in Closing.
      Lab.signal(guest, "STOP");
      Lab.signal(daemon, "TERM");
      lab.await("Closing", () -> read(lab, backend).equals("5"));
      assertThat(daemon.process().isAlive()).isTrue();
      Lab.signal(guest, "CONT");
      lab.await("Closed", () -> read(lab, backend).equals("6"));
      assertThat(daemon.process().waitFor()).isZero();

      lab.daemon(configuration(true));
      lab.await("the guest to connect again", () -> lab.connections("a") == 2);
      assertThat(read(lab, backend)).isEqualTo("4");
    }
  }

  private static String read(Lab lab, List<String> command) throws Exception {
    return lab.xenstore(command.toArray(String[]::new));
  }
}
