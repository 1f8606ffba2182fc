package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.netback.client.ControlClient;
import org.netback.client.UserError;

/// A daemon process with one guest, seen by Debian's tools, curl and the command line.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DaemonTest {
  private Lab lab;
  private Namespace up;
  private NetnsProcess daemon;

  @BeforeAll
  void start() throws IOException {
    lab = new Lab();
    up = lab.namespace("up");
    Namespace guest = lab.namespace("g");
    daemon =
        lab.daemon(
            """
            ground: {run: run}
            vifs: {max-queues: 2}
            networks:
              - name: lan
                static: [{mac: "02:00:00:00:00:09", port: vif1.0}]
            taps:
              - {name: up0, network: lan, namespace: %s}
            """
                .formatted(up.name()));
    lab.guest(guest, "g", 1);
    up.addresses("up0", "10.77.0.9", "fd77::9");
    up.succeed(Lab.PATIENCE, "ping", "-c", "1", "10.77.0.1");
  }

  @AfterAll
  void close() {
    if (lab != null) {
      lab.close();
    }
  }

  @Test
  void xenstoreShowsTheKeysOfARealHost() throws Exception {
    assertThat(keys("/local/domain/0/backend/vif/1/0"))
        .contains(
            "frontend = \"/local/domain/1/device/vif/0\"",
            "frontend-id = \"1\"",
            "online = \"1\"",
            "state = \"4\"",
            "mac = \"" + lab.vif("g").path("mac").asText() + '"',
            "bridge = \"lan\"",
            "handle = \"0\"",
            "type = \"vif\"",
            "hotplug-status = \"connected\"",
            "feature-sg = \"1\"",
            "feature-gso-tcpv4 = \"1\"",
            "feature-gso-tcpv6 = \"1\"",
            "feature-ipv6-csum-offload = \"1\"",
            "feature-rx-copy = \"1\"",
            "feature-rx-flip = \"0\"",
            "feature-multicast-control = \"1\"",
            "feature-dynamic-multicast-control = \"1\"",
            "feature-split-event-channels = \"1\"",
            "feature-ctrl-ring = \"1\"",
            "multi-queue-max-queues = \"2\"",
            "carrier = \"1\"")
        .noneMatch(key -> key.startsWith("feature-xdp-headroom"));
    assertThat(keys("/local/domain/1/device/vif/0"))
        .contains(
            "backend = \"/local/domain/0/backend/vif/1/0\"",
            "backend-id = \"0\"",
            "state = \"4\"",
            "handle = \"0\"",
            "mac = \"" + lab.vif("g").path("mac").asText() + '"',
            "mtu = \"1500\"",
            "multi-queue-num-queues = \"1\"",
            "request-rx-copy = \"1\"",
            "feature-rx-notify = \"1\"",
            "feature-sg = \"1\"",
            "feature-gso-tcpv4 = \"1\"",
            "feature-gso-tcpv6 = \"1\"",
            "feature-ipv6-csum-offload = \"1\"")
        .anyMatch(key -> key.startsWith("tx-ring-ref"))
        .anyMatch(key -> key.startsWith("rx-ring-ref"))
        .anyMatch(key -> key.startsWith("event-channel-tx"))
        .anyMatch(key -> key.startsWith("event-channel-rx"))
        .noneMatch(key -> key.startsWith("queue-"));
  }

  private List<String> keys(String path) throws IOException {
    return lab.xenstore("xenstore-ls", path).lines().map(String::strip).toList();
  }

  @Test
  void theControlApiShowsWhatThereIs() {
    JsonNode status = lab.get("/status");
    assertThat(status.path("vifs").asInt()).isEqualTo(1);
    assertThat(status.path("connectedVifs").asInt()).isEqualTo(1);
    JsonNode vif = lab.get("/vifs/vif1.0");
    assertThat(vif.path("guest").asText()).isEqualTo("g");
    assertThat(vif.path("state").asText()).isEqualTo("CONNECTED");
    assertThat(vif.path("frontendState").asText()).isEqualTo("CONNECTED");
    assertThat(vif.path("tx").get(0).path("frames").asLong()).isPositive();
    assertThat(lab.get("/vifs/vif9.0").path("error").asText())
        .isEqualTo("there is no vif vif9.0; there are vif1.0");
    List<String> stations = new ArrayList<>();
    lab.get("/fdb").forEach(row -> stations.add(row.path("mac").asText()));
    assertThat(stations).contains("02:00:00:00:00:09", vif.path("mac").asText());
  }

  @Test
  void curlScrapesMetrics() throws Exception {
    assertThat(
            Program.succeed(
                Lab.PATIENCE,
                List.of(
                    "curl",
                    "-s",
                    "--unix-socket",
                    lab.control().toString(),
                    "http://localhost/metrics")))
        .containsPattern(
            "netback_port_ingress_frames_total\\{network=\"lan\",port=\"vif1.0\"\\} [1-9]")
        .containsPattern("netback_vif_connected\\{vif=\"vif1.0\"\\} 1.0")
        .contains("netback_port_dropped_frames_total{network=\"lan\",port=\"up0\"")
        .doesNotContainPattern("(?m)^# HELP \\S+ *$");
  }

  @Test
  void tapsComeAndGoWhileItRuns() throws Exception {
    ControlClient control = new ControlClient(lab.control());
    String tap = "{\"name\": \"up1\", \"network\": \"lan\", \"namespace\": \"" + up.name() + "\"}";
    assertThat(control.request("POST", "/ports", tap).status()).isEqualTo(201);
    assertThat(control.request("POST", "/ports", tap).status()).isEqualTo(409);
    assertThat(up.ip("link", "show", "up1")).contains("UP");
    assertThat(control.request("POST", "/ports", "{\"name\": \"x\", \"nework\": \"lan\"}").body())
        .contains("request:1:15: unknown key", "did you mean");
    assertThat(control.request("DELETE", "/ports/up1", "").status()).isEqualTo(200);
    assertThat(control.request("DELETE", "/ports/up1", "").status()).isEqualTo(404);
    assertThat(control.request("DELETE", "/ports/vif1.0", "").status()).isEqualTo(409);
    lab.await("up1 to go", () -> !up.ip("link").contains("up1"));
  }

  @Test
  void aDeletedTapLeavesTheRestRunning() throws Exception {
    ControlClient control = new ControlClient(lab.control());
    String tap = "{\"name\": \"up2\", \"network\": \"lan\", \"namespace\": \"" + up.name() + "\"}";
    assertThat(control.request("POST", "/ports", tap).status()).isEqualTo(201);
    up.ip("link", "del", "up2");
    lab.await("up2 to leave", () -> !lab.get("/ports").toString().contains("up2"));
    up.succeed(Lab.PATIENCE, "ping", "-c", "1", "10.77.0.1");
  }

  @Test
  void staticEntriesComeAndGoWhileItRuns() throws Exception {
    ControlClient control = new ControlClient(lab.control());
    String entry = "{\"network\": \"lan\", \"mac\": \"02:00:00:00:00:08\", \"port\": \"up0\"}";
    assertThat(control.request("POST", "/fdb", entry).status()).isEqualTo(201);
    assertThat(lab.get("/fdb").toString()).contains("02:00:00:00:00:08");
    assertThat(control.request("DELETE", "/fdb/lan/02:00:00:00:00:08", "").status()).isEqualTo(200);
    assertThat(lab.get("/fdb").toString()).doesNotContain("02:00:00:00:00:08");
    assertThat(control.request("DELETE", "/fdb/wan/02:00:00:00:00:08", "").body())
        .contains("there is no network wan; there are lan");
  }

  @Test
  void aSecondDaemonIsRefused() throws Exception {
    List<String> command = new ArrayList<>(NetnsProcess.java());
    command.addAll(List.of("run", "--config", lab.directory().resolve("netback.yaml").toString()));
    Program.Result result = Program.run(Lab.PATIENCE, command);
    assertThat(result.code()).isEqualTo(1);
    assertThat(result.err())
        .isEqualTo(
            "netback: another ground lives in "
                + lab.run()
                + ": stop it, choose another directory, or have the daemon use that ground"
                + " (ground: {apart: true})\n");
  }

  @Test
  void aQueryGivesUpOnADaemonThatIsStopped() throws Exception {
    Lab.signal(daemon, "STOP");
    List<Program.Result> results = new ArrayList<>();
    for (List<String> query :
        List.of(
            List.of("status"),
            List.of("vif", "show", "vif1.0", "--json"),
            List.of("vif", "rate", "vif1.0", "--to-guest", "none"))) {
      results.add(netback(query, "--timeout", "0.3"));
    }
    Lab.signal(daemon, "CONT");
    assertThat(results)
        .allSatisfy(result -> assertThat(result.code()).isEqualTo(UserError.TIMEOUT))
        .allSatisfy(
            result ->
                assertThat(result.err())
                    .startsWith("netback: the daemon on " + lab.control())
                    .contains("has not answered within 0.3 s: it may be stopped"));
  }

  @Test
  void aVifIsNamedByItsIdAlone() throws Exception {
    for (String other : List.of("é", "a b", "vif1.0?x", "vif1.0/", "..", "../status")) {
      Program.Result result = netback(List.of("vif", "show", other));
      assertThat(result.code()).isEqualTo(UserError.FAILED);
      assertThat(result.err())
          .isEqualTo("netback: there is no vif " + other + "; there are vif1.0\n");
    }
    assertThat(netback(List.of("vif", "show", "vif1.0")).out()).startsWith("id  ");
    assertThat(netback(List.of("vif", "rate", "vif9.0", "--to-guest", "none")).err())
        .isEqualTo("netback: there is no vif vif9.0; there are vif1.0\n");
  }

  /// A query as a process of its own.
  private Program.Result netback(List<String> query, String... options) throws IOException {
    List<String> command = new ArrayList<>(NetnsProcess.java());
    command.addAll(query);
    command.addAll(List.of("--control", lab.control().toString()));
    command.addAll(List.of(options));
    command.addAll(0, List.of("env", "LC_ALL=C.UTF-8"));
    return Program.run(Lab.PATIENCE, command);
  }

  @Test
  void aGuestWithoutAGroundIsToldWhatToDo() throws Exception {
    List<String> command = new ArrayList<>(NetnsProcess.java());
    command.addAll(
        List.of("guest", "--name", "x", "--network", "lan", "--ground", "/nowhere/ground.sock"));
    Program.Result result = Program.run(Lab.PATIENCE, command);
    assertThat(result.code()).isEqualTo(69);
    assertThat(result.err()).contains("/nowhere", "netback ground").doesNotContain("\tat ");
    assertThat(Files.exists(java.nio.file.Path.of("/sys/class/net/nb-x"))).isFalse();
  }
}
