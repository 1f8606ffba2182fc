package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// Kernels that join groups by IGMPv3, IGMPv2 and MLDv2 behind taps and behind a netif ring, and
/// one that does not.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MulticastTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int PINGS = 300;

  /// What hosts and the querier say to each other meanwhile.
  private static final int TALK = 60;

  private static final String OUTSIDER = "h8";

  private Lab lab;
  private Namespace sender;

  /// Seven behind taps and one in a guest; then the one who joins nothing.
  private final Map<String, Namespace> members = new TreeMap<>();

  private Namespace outsider;

  @BeforeAll
  void start() throws IOException {
    lab = new Lab();
    sender = lab.namespace("s");
    List<String> taps = new ArrayList<>();
    taps.add("{name: tap-s, network: lan, namespace: " + sender.name() + "}");
    for (int i = 1; i <= 7; i++) {
      String name = "h" + i;
      members.put(name, lab.namespace(name));
      taps.add(tap(name, member(name)));
    }
    outsider = lab.namespace(OUTSIDER);
    taps.add(tap(OUTSIDER, outsider));
    lab.daemon(
        """
        ground: {run: run}
        networks:
          - name: lan
            multicast: {query-interval: 4s}
        taps: [%s]
        """
            .formatted(String.join(", ", taps)));
    sender.addresses("tap-s", "10.77.0.100", "fd77::100");
    int address = 10;
    for (Map.Entry<String, Namespace> member : members.entrySet()) {
      member
          .getValue()
          .addresses("tap-" + member.getKey(), "10.77.0." + ++address, "fd77::" + address);
    }
    outsider.addresses("tap-" + OUTSIDER, "10.77.0.30", "fd77::30");
    // Asked before, and then by force: one old host.
    member("h1").succeed(LIMIT, "sysctl", "-qw", "net.ipv4.conf.tap-h1.force_igmp_version=2");
    Namespace guest = lab.namespace("g");
    lab.guest(guest, "g", 9);
    members.put("g", guest);
    lab.await(
        "every port to have been asked",
        () -> {
          JsonNode multicast = lab.get("/mcast");
          return multicast.isObject() && !multicast.toString().contains("SETTLING");
        });
  }

  private static String tap(String name, Namespace namespace) {
    return "{name: tap-" + name + ", network: lan, namespace: " + namespace.name() + "}";
  }

  @AfterAll
  void close() {
    if (lab != null) {
      lab.close();
    }
  }

  private Namespace member(String name) {
    return Objects.requireNonNull(members.get(name));
  }

  private static String device(String member) {
    return member.equals("g") ? "eth0" : "tap-" + member;
  }

  /// The kernel joins, and reports it.
  private void join(String group, boolean ipv6) throws IOException {
    for (Map.Entry<String, Namespace> member : members.entrySet()) {
      List<String> command = new ArrayList<>(ipv6 ? List.of("-6") : List.of());
      command.addAll(List.of("addr", "add", group + (ipv6 ? "/128" : "/32")));
      command.addAll(List.of("dev", device(member.getKey()), "autojoin"));
      member.getValue().ip(command.toArray(String[]::new));
    }
    lab.await("all eight to be members of " + group, () -> ports(group).size() == 8);
    assertThat(ports(group)).doesNotContain("tap-" + OUTSIDER, "tap-s");
  }

  private List<String> ports(String group) {
    List<String> ports = new ArrayList<>();
    for (JsonNode row : lab.get("/mcast").path("groups")) {
      if (row.path("group").asText().equals(group)) {
        ports.add(row.path("port").asText());
      }
    }
    return ports;
  }

  /// The least time that a member has left.
  private long expires(String group) {
    long least = Long.MAX_VALUE;
    for (JsonNode row : lab.get("/mcast").path("groups")) {
      if (row.path("group").asText().equals(group)) {
        least = Math.min(least, row.path("expiresSeconds").asLong());
      }
    }
    return least;
  }

  /// Frames that a kernel's device has received.
  private static long received(Namespace namespace, String device) throws IOException {
    return Long.parseLong(
        namespace
            .succeed(LIMIT, "cat", "/sys/class/net/" + device + "/statistics/rx_packets")
            .strip());
  }

  /// Sends to a group, and looks at what each kernel's device has received.
  private void allMembersGetItAndTheOutsiderNothing(String group) throws IOException {
    Map<String, Long> before = new TreeMap<>();
    for (Map.Entry<String, Namespace> member : members.entrySet()) {
      before.put(member.getKey(), received(member.getValue(), device(member.getKey())));
    }
    long outside = received(outsider, "tap-" + OUTSIDER);
    // Nobody answers an echo request to a group in IPv4, so that its exit code says nothing.
    var _ =
        Program.run(
            LIMIT,
            sender.command(
                "ping",
                "-q",
                "-I",
                "tap-s",
                "-c",
                Integer.toString(PINGS),
                "-i",
                "0.005",
                "-W",
                "1",
                group));
    for (String member : members.keySet()) {
      awaitPings(member, before.getOrDefault(member, 0L));
    }
    assertThat(received(outsider, "tap-" + OUTSIDER) - outside).isLessThan(TALK);
  }

  /// Waits until a member has got all that was sent to its group.
  ///
  /// @param before what it had received until then
  private void awaitPings(String member, long before) throws IOException {
    lab.await(
        member + " to get all", () -> received(member(member), device(member)) - before >= PINGS);
  }

  @Test
  void igmpMembersGetTheGroupAndTheKernelsAnswerOurQueries() throws Exception {
    join("239.1.1.1", false);
    allMembersGetItAndTheOutsiderNothing("239.1.1.1");
    theKernelsAnswerOurQueries("239.1.1.1");
    // Leaving: by IGMPv2 and IGMPv3.
    for (String name : List.of("h1", "h2")) {
      member(name).ip("addr", "del", "239.1.1.1/32", "dev", device(name));
    }
    lab.await("two to be out of the group", () -> ports("239.1.1.1").size() == 6);
    long before = received(member("h2"), "tap-h2");
    long others = received(member("h3"), "tap-h3");
    var _ =
        Program.run(
            LIMIT,
            sender.command(
                "ping", "-q", "-I", "tap-s", "-c", "300", "-i", "0.005", "-W", "1", "239.1.1.1"));
    awaitPings("h3", others);
    assertThat(received(member("h2"), "tap-h2") - before).isLessThan(TALK);
  }

  @Test
  void mldMembersGetTheGroup() throws Exception {
    join("ff0e::77", true);
    allMembersGetItAndTheOutsiderNothing("ff0e::77");
    theKernelsAnswerOurQueries("ff0e::77");
  }

  /// "request-multicast-control" is watched; a guest that asks for it and lists nothing gets no
  /// group, whatever its kernel reports.
  @Test
  void aGuestsOwnListDecidesOverItsReports() throws Exception {
    Namespace guest = member("g");
    guest.ip("addr", "add", "239.3.3.3/32", "dev", "eth0", "autojoin");
    lab.await("the guest to be a member", () -> ports("239.3.3.3").size() == 1);
    JsonNode vif = lab.vif("g");
    String key =
        "/local/domain/%s/device/vif/%s/request-multicast-control"
            .formatted(vif.path("domid").asText(), vif.path("handle").asText());
    lab.xenstore("xenstore-write", key, "1");
    try {
      lab.await("the list to be applied", () -> lab.vif("g").path("multicastControl").asBoolean());
      long before = received(guest, "eth0");
      var _ =
          Program.run(
              LIMIT,
              sender.command(
                  "ping", "-q", "-I", "tap-s", "-c", "300", "-i", "0.005", "-W", "1", "239.3.3.3"));
      lab.await(
          "all to be dropped",
          () -> lab.vif("g").path("drops").path("NOT_A_MEMBER").asLong() >= PINGS);
      assertThat(received(guest, "eth0") - before).isLessThan(TALK);
    } finally {
      lab.xenstore("xenstore-rm", key);
    }
    lab.await("the list to be ignored", () -> !lab.vif("g").path("multicastControl").asBoolean());
    guest.ip("addr", "del", "239.3.3.3/32", "dev", "eth0");
  }

  /// A membership that is not repeated has ended after 10 s here: it is the answers to our general
  /// queries that renew it.
  private void theKernelsAnswerOurQueries(String group) throws IOException {
    for (int i = 0; i < 2; i++) {
      lab.await("memberships to come of age", () -> expires(group) <= 7);
      lab.await("the answers to a general query", () -> expires(group) >= 8);
    }
    assertThat(ports(group)).hasSize(8);
    JsonNode network = lab.get("/mcast").path("networks").get(0);
    assertThat(network.path("querierIpv4").asText()).isEqualTo("self");
    assertThat(network.path("querierIpv6").asText()).isEqualTo("self");
    assertThat(network.path("statistics").path("malformed").asLong()).isZero();
  }
}
