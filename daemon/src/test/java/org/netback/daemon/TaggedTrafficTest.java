package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.netback.adapters.tap.NetworkLab;

/// Kernels' stacks behind VLAN tags: guests whose netfront is as strict as Linux's, and a host's
/// behind a tap.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TaggedTrafficTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private static final String GUEST_A = "10.77.0.1";

  /// At least 250 frames, if they are the longest. Its last part may be on its way when the sender
  /// has done, and is not counted.
  private static final String AMOUNT = "16M";

  private static final long LEAST = 8_000_000;

  private Lab lab;
  private Namespace a;
  private Namespace b;
  private Namespace host;
  private VlanTags tags;

  @BeforeAll
  void start() throws IOException {
    lab = new Lab();
    a = lab.namespace("a");
    b = lab.namespace("b");
    host = lab.namespace("h");
    lab.daemon(
        "ground: {run: run}\nnetworks: [{name: lan}]\ntaps: [{name: up0, network: lan, namespace: "
            + host.name()
            + "}]\n");
    lab.guest(a, "a", 1);
    lab.guest(b, "b", 2);
    host.addresses("up0", "10.77.0.3", "fd77::3");
    tags = lab.add(new VlanTags(lab.directory()));
  }

  /// Has all three stacks tag what they send.
  private void tag(VlanTags.Kind kind) throws IOException {
    tags.on(a, "eth0", kind);
    tags.on(b, "eth0", kind);
    tags.on(host, "up0", kind);
  }

  @AfterAll
  void close() {
    if (lab != null) {
      lab.close();
    }
  }

  @ParameterizedTest
  @EnumSource
  void packetsOfTheWholeMtuFitBehindTheirTags(VlanTags.Kind kind) throws Exception {
    tag(kind);
    for (Namespace from : List.of(host, b)) {
      String[] pings = NetworkLab.pings(3, "-i", "0.01", "-M", "do", "-s", "1472", GUEST_A);
      NetworkLab.assertNoneLost(from.succeed(LIMIT, pings), 3);
    }
  }

  @ParameterizedTest
  @CsvSource({"ONE, 4", "ONE, 6", "PRIORITY, 4", "PRIORITY, 6", "TWO, 4", "TWO, 6"})
  void tcpRunsBetweenHostAndGuests(VlanTags.Kind kind, int version) throws Exception {
    tag(kind);
    String address = version == 4 ? GUEST_A : "fd77::1";
    long gso = tap().path("writtenGso").asLong();
    assertThat(received(host, address)).isGreaterThan(LEAST);
    assertThat(received(host, address, "-R")).isGreaterThan(LEAST);
    // To the host's kernel the frames go as the guest's made them.
    assertThat(tap().path("writtenGso").asLong()).isGreaterThan(gso + 50);
    assertThat(received(b, address)).isGreaterThan(LEAST);
    assertNothingDroppedForItsOffload();
  }

  @ParameterizedTest
  @CsvSource({"ONE, 4", "TWO, 6"})
  void tcpRunsWithoutTheStacksOffloads(VlanTags.Kind kind, int version) throws Exception {
    tag(kind);
    String address = version == 4 ? GUEST_A : "fd77::1";
    offloads(host, "up0", "off");
    try {
      assertThat(received(host, address)).isGreaterThan(LEAST);
      assertThat(received(host, address, "-R")).isGreaterThan(LEAST);
    } finally {
      offloads(host, "up0", "on");
    }
    offloads(a, "eth0", "off");
    try {
      assertThat(received(host, address)).isGreaterThan(LEAST);
      assertThat(received(host, address, "-R")).isGreaterThan(LEAST);
    } finally {
      offloads(a, "eth0", "on");
    }
  }

  private static void offloads(Namespace in, String device, String state) throws IOException {
    in.succeed(LIMIT, "ethtool", "-K", device, "tx", state, "tso", state, "sg", state);
  }

  @ParameterizedTest
  @CsvSource({"ONE, 4", "ONE, 6", "TWO, 4", "TWO, 6"})
  void udpArrives(VlanTags.Kind kind, int version) throws Exception {
    tag(kind);
    String address = version == 4 ? GUEST_A : "fd77::1";
    String longest = version == 4 ? "1472" : "1452";
    for (String direction : List.of("", "-R")) {
      JsonNode sum =
          lab.iperf(host, a, address, "-u", "-b", "10M", "-n", "60K", "-l", longest, direction)
              .path("sum");
      // All of them fit a socket's buffer and a ring, whatever else the machine is doing. The last
      // may arrive when iperf3 has counted.
      assertThat(sum.path("packets").asLong()).isGreaterThan(20);
      assertThat(sum.path("lost_packets").asLong(-1)).isZero();
    }
    assertNothingDroppedForItsOffload();
  }

  private void assertNothingDroppedForItsOffload() {
    for (JsonNode port : lab.get("/ports")) {
      assertThat(port.path("drops").properties())
          .extracting(drop -> drop.getKey())
          .doesNotContain("BAD_OFFLOAD", "TOO_LONG", "DELIVERY_FAILED");
    }
  }

  private JsonNode tap() {
    for (JsonNode port : lab.get("/ports")) {
      if (port.path("name").asText().equals("up0")) {
        return port;
      }
    }
    throw new AssertionError("no port up0 in " + lab.get("/ports"));
  }

  /// Octets that TCP brought from or to guest a.
  private long received(Namespace from, String address, String... options) throws IOException {
    List<String> all = new ArrayList<>(List.of("-n", AMOUNT));
    all.addAll(List.of(options));
    return lab.iperf(from, a, address, all.toArray(String[]::new))
        .path("sum_received")
        .path("bytes")
        .asLong();
  }
}
