package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.adapters.tap.NetworkLab;

/// Kernels' network stacks in namespaces that only netif rings and the switch join.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GuestTrafficTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private Lab lab;
  private Namespace a;
  private Namespace b;
  private Namespace plain;

  @BeforeAll
  void start() throws IOException {
    lab = new Lab();
    a = lab.namespace("a");
    b = lab.namespace("b");
    plain = lab.namespace("p");
    lab.daemon("ground: {run: run}\nnetworks: [{name: lan}]\nvifs: {max-queues: 4}\n");
    lab.guest(a, "a", 1);
    lab.guest(b, "b", 2, "--queues", "2");
    lab.guest(plain, "plain", 3, "--no-gso", "--no-csum", "--single-event-channel");
  }

  @AfterAll
  void close() {
    if (lab != null) {
      lab.close();
    }
  }

  @Test
  void thousandFastPingsLoseNothing() throws Exception {
    NetworkLab.assertNoneLost(
        a.succeed(LIMIT, NetworkLab.pings(1000, "-i", "0.002", "10.77.0.2")), 1000);
    NetworkLab.assertNoneLost(
        a.succeed(LIMIT, NetworkLab.pings(200, "-i", "0.002", "fd77::3")), 200);
  }

  @ParameterizedTest
  @CsvSource({
    "10.77.0.2, ''",
    "10.77.0.2, -R",
    "fd77::2, ''",
    "fd77::2, -R",
    "10.77.0.2, -P4",
    "10.77.0.3, ''",
    "10.77.0.3, -R",
    "fd77::3, ''",
    "fd77::3, -R"
  })
  void tcpRunsBothWays(String address, String option) throws Exception {
    assertThat(iperf(address, option).path("sum_received").path("bytes").asLong())
        .isGreaterThan(1_000_000);
  }

  @Test
  void udpArrives() throws Exception {
    JsonNode sum =
        lab.iperf(a, b, "10.77.0.2", "-u", "-b", "10M", "-n", "60K", "-l", "1400").path("sum");
    // All of them fit a socket's buffer and a ring, whatever else the machine is doing. The last
    // may
    // arrive when iperf3 has counted.
    assertThat(sum.path("packets").asLong()).isGreaterThan(20);
    assertThat(sum.path("lost_packets").asLong(-1)).isZero();
  }

  @Test
  void bothQueuesCarryFlows() throws Exception {
    assertThat(lab.vif("b").path("queues").asInt()).isEqualTo(2);
    // By the hash of its ports a flow may be in any queue, and all of a few in the same.
    lab.await(
        "frames in each queue both ways",
        () -> {
          iperf("10.77.0.2", "-P4");
          iperf("10.77.0.2", "-P4", "-R");
          JsonNode vif = lab.vif("b");
          return isInEach(vif.path("tx")) && isInEach(vif.path("rx"));
        });
  }

  private static boolean isInEach(JsonNode queues) {
    return queues.size() == 2
        && queues.findValues("frames").stream().allMatch(frames -> frames.asLong() > 0);
  }

  @Test
  void longFramesCrossUnsegmented() throws Exception {
    assertThat(meanLength("b", "10.77.0.2")).isGreaterThan(1514 * 4.0);
    assertThat(meanLength("b", "fd77::2")).isGreaterThan(1514 * 4.0);
  }

  @Test
  void aGuestWithoutGsoGetsFramesOfTheMtuWithValidChecksums() throws Exception {
    Path capture = lab.directory().resolve("capture");
    Process tcpdump =
        new ProcessBuilder(
                plain.command(
                    "tcpdump", "-i", "eth0", "-Q", "in", "-n", "-v", "-c", "300", "-l", "tcp"))
            .redirectErrorStream(true)
            .redirectOutput(capture.toFile())
            .start();
    lab.add(() -> tcpdump.destroyForcibly().waitFor());
    lab.await("tcpdump", () -> Files.readString(capture).contains("listening on"));
    assertThat(meanLength("plain", "10.77.0.3")).isLessThanOrEqualTo(1514);
    lab.iperf(a, plain, "fd77::3", "-n", "1M");
    lab.await("300 captured frames", () -> !tcpdump.isAlive());
    String text = Files.readString(capture);
    assertThat(Pattern.compile("cksum 0x[0-9a-f]+ \\(correct\\)").matcher(text).results().count())
        .isEqualTo(300);
    assertThat(text).doesNotContain("incorrect").doesNotContain("bad cksum");
    Pattern.compile("IP \\(.* length (\\d+)\\)")
        .matcher(text)
        .results()
        .forEach(match -> assertThat(Integer.parseInt(match.group(1))).isBetween(40, 1500));
  }

  private double meanLength(String guest, String address) throws IOException {
    JsonNode before = lab.vif(guest);
    iperf(address, "");
    JsonNode after = lab.vif(guest);
    double frames = after.path("egressFrames").asLong() - before.path("egressFrames").asLong();
    return (after.path("egressOctets").asLong() - before.path("egressOctets").asLong()) / frames;
  }

  /// One second from `a`.
  private JsonNode iperf(String address, String... options) throws IOException {
    List<String> all = new ArrayList<>(List.of("-t", "1"));
    all.addAll(List.of(options));
    return lab.iperf(a, address.endsWith("3") ? plain : b, address, all.toArray(String[]::new));
  }
}
