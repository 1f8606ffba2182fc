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
    lab.await(
        "the rate", () -> lab.vif("one").path("rateFromGuest").asText().equals("1Mb/s@100ms"));
    lab.xenstore("xenstore-rm", node);
    lab.await("no rate", () -> lab.vif("one").path("rateFromGuest").asText().equals("none"));
  }

  @Test
  void aNodeThatIsNoRateIsNoLimitAndIsLoggedOnce() throws Exception {
    JsonNode vif = lab.vif("one");
    String directory =
        "/local/domain/0/backend/vif/%s/%s/"
            .formatted(vif.path("domid").asText(), vif.path("handle").asText());
    lab.xenstore("xenstore-write", directory + "rate", "62500,50000");
    lab.await("the rate", () -> lab.vif("one").path("rateFromGuest").asText().equals("10Mb/s"));
    lab.xenstore("xenstore-write", directory + "rate", "20000000000000000,999999000000");
    lab.xenstore("xenstore-write", directory + "rate-to-guest", "fast");
    lab.await("no rate", () -> lab.vif("one").path("rateFromGuest").asText().equals("none"));
    lab.await("the log", () -> complaints("fast").size() == 1);
    for (String rate : List.of("12500,50000", "25000,50000")) {
      lab.xenstore("xenstore-write", directory + "rate-to-guest", "fast");
      lab.xenstore("xenstore-write", directory + "rate", rate);
      lab.await(rate, () -> !lab.vif("one").path("rateFromGuest").asText().equals("none"));
    }
    assertThat(complaints("fast")).hasSize(1);
    assertThat(complaints("20000000000000000,999999000000"))
        .singleElement()
        .asString()
        .contains("1 to 999999999999999 and 1 to 4294967295", "no limit");
    lab.xenstore("xenstore-rm", directory + "rate");
    lab.xenstore("xenstore-rm", directory + "rate-to-guest");
    lab.await("no rate", () -> lab.vif("one").path("rateFromGuest").asText().equals("none"));
  }

  private List<String> complaints(String text) throws IOException {
    return lab.log("daemon").lines().filter(line -> line.contains('"' + text + '"')).toList();
  }

  @Test
  void aWrongRateIsRefusedWithTheRightForm() throws Exception {
    ControlClient control = new ControlClient(lab.control());
    String id = lab.vif("one").path("id").asText();
    assertThat(control.request("PUT", "/vifs/" + id + "/rate", "{\"fromGuest\": \"10\"}").body())
        .contains("10Mb/s, 250KB/s");
    assertThat(control.request("PUT", "/vifs/vif99.0/rate", "{}").status()).isEqualTo(404);
  }

  /// Nor is anything changed by what is refused, in either direction.
  @Test
  void aRateBeyondTheBoundsIsRefusedAndNothingChanges() throws Exception {
    limit("one", "20Mb/s@200ms", "none");
    ControlClient control = new ControlClient(lab.control());
    String id = lab.vif("one").path("id").asText();
    ControlClient.Response refused =
        control.request(
            "PUT",
            "/vifs/" + id + "/rate",
            "{\"fromGuest\": \"1Mb/s\", \"toGuest\": \"20GB/s@999999s\"}");
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.body()).contains("toGuest", "20GB/s@999999s", "1us to 4294967295us");
    assertThat(lab.vif("one").path("rateFromGuest").asText()).isEqualTo("20Mb/s@200ms");
    assertThat(lab.vif("one").path("rateToGuest").asText()).isEqualTo("none");
    limit("one", "none", "none");
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
