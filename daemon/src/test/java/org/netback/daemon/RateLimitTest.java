package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.daemon.control.ControlClient;

/// Rates as iperf3 measures them between kernels.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RateLimitTest {
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final double RATE = 10e6;

  private Lab lab;
  private Namespace up;
  private Namespace one;
  private Namespace four;

  @BeforeAll
  void start() throws IOException {
    lab = new Lab();
    up = lab.namespace("up");
    one = lab.namespace("one");
    four = lab.namespace("four");
    lab.daemon(
        """
        ground: {run: run}
        vifs: {max-queues: 4}
        networks: [{name: lan}]
        taps: [{name: up0, network: lan, namespace: %s}]
        """
            .formatted(up.name()));
    up.addresses("up0", "10.77.0.9", "fd77::9");
    lab.guest(one, "one", 1);
    lab.guest(four, "four", 4, "--queues", "4");
  }

  @AfterAll
  void close() {
    if (lab != null) {
      lab.close();
    }
  }

  private void limit(String guest, String fromGuest, String toGuest) throws IOException {
    String id = lab.vif(guest).path("id").asText();
    String body = "{\"fromGuest\": \"" + fromGuest + "\", \"toGuest\": \"" + toGuest + "\"}";
    assertThat(
            new ControlClient(lab.control()).request("PUT", "/vifs/" + id + "/rate", body).status())
        .isEqualTo(200);
    lab.await(
        "the rate to be changed",
        () ->
            lab.vif(guest).path("rateFromGuest").asText().equals(fromGuest)
                && lab.vif(guest).path("rateToGuest").asText().equals(toGuest));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void aGuestSendsAtItsRateWithAnyNumberOfQueues(int queues) throws Exception {
    String guest = queues == 1 ? "one" : "four";
    limit(guest, "10Mb/s", "none");
    try {
      double measured = iperf(queues == 1 ? one : four, "-t", "10", "-P", Integer.toString(queues));
      assertThat(measured).isBetween(RATE * 0.95, RATE * 1.05);
      JsonNode vif = lab.vif(guest);
      assertThat(vif.path("queues").asInt()).isEqualTo(queues);
      assertThat(vif.path("tx").get(0).path("throttled").asLong()).isPositive();
    } finally {
      limit(guest, "none", "none");
    }
    assertThat(iperf(queues == 1 ? one : four, "-t", "2")).isGreaterThan(3 * RATE);
  }

  @Test
  void aGuestIsSentWhatItsOtherRateAllows() throws Exception {
    limit("one", "none", "10Mb/s");
    try {
      double measured = iperf(one, "-t", "5", "-R", "-u", "-b", "20M", "-l", "1400");
      assertThat(measured).isBetween(RATE * 0.9, RATE * 1.05);
      assertThat(lab.vif("one").path("drops").path("RATE_LIMITED").asLong()).isPositive();
      // What is dropped makes TCP go slower, not stop.
      assertThat(iperf(one, "-t", "5", "-R")).isBetween(RATE * 0.3, RATE * 1.2);
    } finally {
      limit("one", "none", "none");
    }
  }

  @Test
  void theNodeIsWatchedAsTheToolstackWritesIt() throws Exception {
    JsonNode vif = lab.vif("one");
    String node =
        "/local/domain/0/backend/vif/%s/%s/rate"
            .formatted(vif.path("domid").asText(), vif.path("handle").asText());
    lab.xenstore("xenstore-write", node, "12500,100000");
    lab.await("the rate", () -> lab.vif("one").path("rateFromGuest").asText().equals("1Mb/s"));
    lab.xenstore("xenstore-rm", node);
    lab.await("no rate", () -> lab.vif("one").path("rateFromGuest").asText().equals("none"));
  }

  @Test
  void aWrongRateIsRefusedWithTheRightForm() throws Exception {
    ControlClient control = new ControlClient(lab.control());
    String id = lab.vif("one").path("id").asText();
    assertThat(control.request("PUT", "/vifs/" + id + "/rate", "{\"fromGuest\": \"10\"}").body())
        .contains("10Mb/s, 250KB/s");
    assertThat(control.request("PUT", "/vifs/vif99.0/rate", "{}").status()).isEqualTo(404);
  }

  /// Bits per second that arrived.
  private double iperf(Namespace client, String... options) throws IOException {
    Process server =
        new ProcessBuilder(up.command("iperf3", "-s", "-1"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    lab.add(() -> server.destroyForcibly().waitFor());
    lab.await(
        "iperf3 to listen",
        () -> !Command.succeed(LIMIT, up.command("ss", "-Hltn", "sport", "=", ":5201")).isBlank());
    List<String> command = new ArrayList<>(List.of("iperf3", "-J", "-c", "10.77.0.9"));
    command.addAll(List.of(options));
    JsonNode end =
        new ObjectMapper()
            .readTree(client.succeed(LIMIT, command.toArray(String[]::new)))
            .path("end");
    server.destroy();
    try {
      server.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return end.path("sum_received").path("bits_per_second").asDouble();
  }
}
