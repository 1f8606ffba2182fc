package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Kernels whose membership reports never reach the switch, as those of hosts that send none: who
/// still finds its neighbours by IPv6.
class NeighbourDiscoveryTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final List<String> CHOICES = List.of("flood", "routers", "routers-and-nd");

  @Test
  void worksWithoutReportsWhereItsGroupsAreLetThrough() throws Exception {
    try (Lab lab = new Lab()) {
      Map<String, Namespace> namespaces = new LinkedHashMap<>();
      List<String> networks = new ArrayList<>();
      List<String> taps = new ArrayList<>();
      for (int i = 0; i < CHOICES.size(); i++) {
        networks.add(
            "{name: net%d, multicast: {unregistered: %s, query-interval: 2s}}"
                .formatted(i, CHOICES.get(i)));
        for (String side : List.of("a", "b")) {
          String tap = "tap" + i + side;
          Namespace namespace = lab.namespace(i + side);
          silence(namespace);
          namespaces.put(tap, namespace);
          taps.add("{name: %s, network: net%d, namespace: %s}".formatted(tap, i, namespace.name()));
        }
      }
      lab.daemon(
          "ground: {run: run}\nnetworks: [%s]\ntaps: [%s]\n"
              .formatted(String.join(", ", networks), String.join(", ", taps)));
      for (Map.Entry<String, Namespace> host : namespaces.entrySet()) {
        int number = host.getKey().endsWith("a") ? 1 : 2;
        host.getValue().addresses(host.getKey(), "10.77.0." + number, "fd77::" + number);
      }
      lab.await(
          "every port to have been asked",
          () -> {
            JsonNode multicast = lab.get("/mcast");
            return multicast.isObject() && !multicast.toString().contains("SETTLING");
          });
      assertThat(lab.get("/mcast").toString()).contains("self").doesNotContain("ff02::1:ff");

      assertThat(CHOICES.stream().filter(choice -> finds(namespaces, choice)))
          .containsExactly("flood", "routers-and-nd");
    }
  }

  /// A kernel policy against all packets to the group of MLDv2 reports.
  private static void silence(Namespace namespace) throws IOException {
    List<String> policy = new ArrayList<>(List.of("-6", "xfrm", "policy", "add", "src", "::/0"));
    policy.addAll(List.of("dst", "ff02::16/128", "dir", "out", "action", "block"));
    namespace.ip(policy.toArray(String[]::new));
  }

  private static boolean finds(Map<String, Namespace> namespaces, String choice) {
    String tap = "tap" + CHOICES.indexOf(choice);
    Namespace from = namespaces.getOrDefault(tap + 'a', namespaces.values().iterator().next());
    try {
      from.ip("-6", "neigh", "flush", "dev", tap + 'a');
      return Program.run(LIMIT, from.command("ping", "-6", "-c", "3", "-W", "2", "fd77::2")).code()
          == 0;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
