package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.client.ControlClient;

/// Rates as iperf3 measures them between kernels.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RateLimitTest {
  /// What of a rate TCP's payload has to reach: its headers are 4.4 % of the longest frames.
  private static final double REACHED = 0.9;

  private static final double EXCEEDED = 1.05;

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

  @ParameterizedTest(name = "{0} Mbit/s, streams: {1}")
  @CsvSource({"10, 1", "10, 4", "20, 1", "20, 4", "100, 1", "100, 4"})
  void tcpReachesTheRateBothWays(int megabits, int streams, TestReporter reporter)
      throws Exception {
    String guest = streams == 1 ? "one" : "four";
    limit(guest, megabits + "Mb/s", megabits + "Mb/s");
    try {
      double fromGuest = tcp(guest, streams) / (megabits * 1e6);
      double toGuest = tcp(guest, streams, "-R") / (megabits * 1e6);
      reporter.publishEntry(
          "%d Mbit/s, streams: %d".formatted(megabits, streams),
          "from the guest %.1f %%, to the guest %.1f %%".formatted(fromGuest * 100, toGuest * 100));
      assertThat(fromGuest).isBetween(REACHED, EXCEEDED);
      assertThat(toGuest).isBetween(REACHED, EXCEEDED);
      JsonNode vif = lab.vif(guest);
      assertThat(vif.path("queues").asInt()).isEqualTo(streams);
      // By the hash of its ports, a stream may be in any queue.
      assertThat(vif.path("tx").findValues("throttled")).anyMatch(n -> n.asLong() > 0);
    } finally {
      limit(guest, "none", "none");
    }
  }

  /// What this machine does not reach without a rate says nothing about a rate.
  @ParameterizedTest(name = "1000 Mbit/s, streams: {0}")
  @ValueSource(ints = {1, 4})
  void tcpReachesAGigabitBothWays(int streams, TestReporter reporter) throws Exception {
    String guest = streams == 1 ? "one" : "four";
    for (String[] way : new String[][] {{}, {"-R"}}) {
      String name = way.length == 0 ? "from the guest" : "to the guest";
      double free = tcp(guest, streams, way) / 1e9;
      limit(guest, "1Gb/s", "1Gb/s");
      double limited = tcp(guest, streams, way) / 1e9;
      limit(guest, "none", "none");
      double freeAgain = tcp(guest, streams, way) / 1e9;
      reporter.publishEntry(
          "1000 Mbit/s, streams: " + streams,
          "%s %.1f %%; without a rate %.2f and %.2f Gbit/s"
              .formatted(name, limited * 100, free, freeAgain));
      assertThat(limited).isLessThan(EXCEEDED);
      assumeTrue(
          Math.min(free, freeAgain) > 1.3,
          "%s without a rate: %.2f and %.2f Gbit/s".formatted(name, free, freeAgain));
      assertThat(limited).isGreaterThan(REACHED);
    }
  }

  @Test
  void datagramsBeyondTheRateToTheGuestAreDroppedAndCounted() throws Exception {
    limit("one", "none", "10Mb/s");
    try {
      double measured = iperf(one, "-O", "1", "-t", "3", "-R", "-u", "-b", "20M", "-l", "1400");
      assertThat(measured).isBetween(10e6 * REACHED, 10e6 * EXCEEDED);
      assertThat(lab.vif("one").path("drops").path("RATE_LIMITED").asLong()).isPositive();
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
    for (int megabits : new int[] {2, 4}) {
      lab.xenstore("xenstore-write", directory + "rate-to-guest", "fast");
      lab.xenstore("xenstore-write", directory + "rate", megabits * 6250 + ",50000");
      String rate = megabits + "Mb/s";
      lab.await(rate, () -> lab.vif("one").path("rateFromGuest").asText().equals(rate));
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

  /// After a second that does not count: what was saved up goes first, and TCP starts slowly.
  private double tcp(String guest, int streams, String... way) throws IOException {
    List<String> options =
        new ArrayList<>(List.of("-O", "1", "-t", "3", "-P", Integer.toString(streams)));
    options.addAll(List.of(way));
    return iperf(guest.equals("one") ? one : four, options.toArray(String[]::new));
  }

  /// Bits per second that arrived.
  private double iperf(Namespace client, String... options) throws IOException {
    return lab.iperf(client, up, "10.77.0.9", options)
        .path("sum_received")
        .path("bits_per_second")
        .asDouble();
  }
}
