package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.netback.adapters.tap.NetworkLab.await;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.capture.filter.FilterCompiler;
import org.netback.capture.filter.FilterException;
import org.netback.capture.pcapng.CaptureReader;
import org.netback.capture.pcapng.CapturedPacket;
import org.netback.client.ControlClient;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.guest.StationGuest;
import org.netback.xen.embedded.EmbeddedGround;
import org.opentest4j.TestAbortedException;

/// Captures of a daemon with two guests that ping each other.
@Timeout(120)
class CaptureRoutesTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration PING = Duration.ofSeconds(20);
  @TempDir Path directory = Path.of("");
  private Daemon daemon;
  private ControlClient client;
  private StationGuest a;
  private StationGuest b;

  @BeforeEach
  void start() throws Exception {
    Path file = directory.resolve("netback.yaml");
    Files.writeString(
        file,
        """
        ground: {kind: embedded, run: run}
        control: c.sock
        networks: [{name: blue}, {name: red}]
        """);
    daemon = Daemon.start(ConfigurationFile.read(file));
    client = new ControlClient(directory.resolve("c.sock"), Duration.ofSeconds(20));
    EmbeddedGround ground = daemon.ground().own().orElseThrow();
    a = StationGuest.start(ground, "a", "blue", "10.66.0.1", "fd66::1");
    b = StationGuest.start(ground, "b", "blue", "10.66.0.2", "fd66::2");
    a.awaitConnected(PATIENCE);
    b.awaitConnected(PATIENCE);
  }

  @AfterEach
  void close() {
    a.close();
    b.close();
    daemon.close();
  }

  /// A capture under way, whose octets arrive here.
  private final class Running {
    final ByteArrayOutputStream octets = new ByteArrayOutputStream();
    final CompletableFuture<ControlClient.Response> answer = new CompletableFuture<>();

    Running(String request) throws Exception {
      Thread.ofPlatform().daemon().start(() -> run(request));
      await("the capture", () -> list().contains("\"number\""));
    }

    private void run(String request) {
      try {
        answer.complete(
            client.stream(
                "POST",
                "/captures",
                request,
                (some, offset, length) -> {
                  synchronized (octets) {
                    octets.write(some, offset, length);
                  }
                }));
      } catch (IOException e) {
        answer.completeExceptionally(new UncheckedIOException(e));
      }
    }

    String text() {
      synchronized (octets) {
        return octets.toString(StandardCharsets.UTF_8);
      }
    }

    void awaitEnd() throws Exception {
      assertThat(answer.get(60, TimeUnit.SECONDS).status()).isEqualTo(200);
    }
  }

  private String list() throws IOException {
    return client.request("GET", "/captures", "").body();
  }

  private void ping() throws IOException {
    assertThat(a.ping(b.ipv4(), PING)).isPositive();
  }

  private static void assumeLibpcap() {
    try {
      assertThat(FilterCompiler.compile("ip").reach()).isPositive();
    } catch (FilterException e) {
      throw new TestAbortedException(e.getMessage() + ": bin/install tests", e);
    }
  }

  @Test
  void linesSayWhatPassesAPort() throws Exception {
    assumeLibpcap();
    Running capture = new Running("{\"target\": \"vif1.0\", \"filter\": \"icmp\", \"count\": 3}");
    ping();
    capture.awaitEnd();
    String ask = "ICMP 10.66.0.1 > 10.66.0.2: echo request, id";
    String answer = "ICMP 10.66.0.2 > 10.66.0.1: echo reply, id";
    List<String> lines = capture.text().lines().toList();
    assertThat(lines).hasSize(3);
    assertThat(lines.get(0)).contains(" vif1.0 q0 from-guest ", ask);
    assertThat(lines.get(1)).contains(" vif1.0 q0 forwarded ", ask, " => vif2.0");
    assertThat(lines.get(2)).contains(" vif1.0 q0 to-guest ", answer);
    await("the end", () -> !list().contains("number"));
  }

  @Test
  void aNetworksFramesAreFollowedByTheirNumbersInAFile() throws Exception {
    assumeLibpcap();
    Running capture =
        new Running("{\"target\": \"blue\", \"filter\": \"icmp\", \"form\": \"pcapng\"}");
    ping();
    await("six packets", () -> list().contains("\"frames\" : 6"));
    assertThat(client.request("DELETE", "/captures/1", "").status()).isEqualTo(200);
    capture.awaitEnd();
    try (CaptureReader reader =
        new CaptureReader(new ByteArrayInputStream(capture.octets.toByteArray()))) {
      for (String port : List.of("vif1.0", "vif2.0")) {
        CapturedPacket in = next(reader, port, "from-guest");
        long number = in.packetId().orElseThrow();
        String other = port.equals("vif1.0") ? "vif2.0" : "vif1.0";
        assertThat(in.description().description())
            .isEqualTo("domain " + port.charAt(3) + ", network blue");
        assertThat(in.description().address()).isPresent();
        assertThat(next(reader, port, "forwarded to " + other).packetId()).hasValue(number);
        assertThat(next(reader, other, "to-guest").packetId()).hasValue(number);
      }
      assertThat(reader.nextPacket()).isEmpty();
      assertThat(reader.truncation()).isEmpty();
    }
  }

  private static CapturedPacket next(CaptureReader reader, String port, String comment)
      throws IOException {
    Optional<CapturedPacket> packet = reader.nextPacket();
    assertThat(packet).isPresent();
    assertThat(packet.get().description().name()).isEqualTo(port);
    assertThat(packet.get().comments()).containsExactly(comment);
    return packet.get();
  }

  @Test
  void dropsComeWithTheirReasons() throws Exception {
    Running capture =
        new Running("{\"target\": \"all\", \"points\": [\"dropped\"], \"form\": \"json\"}");
    try (StationGuest alone =
        StationGuest.start(
            daemon.ground().own().orElseThrow(), "c", "red", "10.66.1.1", "fd67::1")) {
      alone.awaitConnected(PATIENCE);
      assertThatThrownBy(() -> alone.ping(b.ipv4(), Duration.ofMillis(200)))
          .isInstanceOf(IOException.class);
    }
    await("a drop", () -> capture.text().contains("NO_EGRESS"));
    assertThat(capture.text())
        .contains("\"point\": \"dropped\", \"port\": \"vif3.0\", \"network\": \"red\"");
    assertThat(client.request("DELETE", "/captures/1", "").status()).isEqualTo(200);
    capture.awaitEnd();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"target": "vif9.0"}                       | 404 | there is no port and no network vif9.0; there are all, blue, red, vif1.0, vif2.0
          {"target": "all", "points": ["nowhere"]}   | 400 | there are from-guest, forwarded, to-guest, dropped, rejected
          {"target": "all", "reasons": ["bad-luck"]} | 400 | NO_EGRESS
          {"target": "all", "snapLength": 0}         | 400 | snapLength
          {"target": "all", "form": "xml"}           | 400 | text, json or pcapng
          {}                                         | 400 | target
          """)
  void whatCannotBeIsSaid(String request, int status, String reason) throws Exception {
    ControlClient.Response response = client.request("POST", "/captures", request);
    assertThat(response.status()).as(response.body()).isEqualTo(status);
    assertThat(response.body()).contains(reason);
    assertThat(client.request("DELETE", "/captures/7", "").body()).contains("there are none");
  }

  @Test
  void aFilterThatCannotBeIsSaidInLibpcapsWords() throws Exception {
    assumeLibpcap();
    ControlClient.Response response =
        client.request("POST", "/captures", "{\"target\": \"all\", \"filter\": \"tcp prot\"}");
    assertThat(response.status()).isEqualTo(400);
    assertThat(response.body()).contains("syntax error at character 5 of the filter");
  }

  /// The capture goes with whoever reads it.
  @Test
  void aClientThatGoesEndsItsCapture() throws Exception {
    Thread reader =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  try {
                    client.stream(
                        "POST",
                        "/captures",
                        "{\"target\": \"all\"}",
                        (octets, offset, length) -> {
                          throw new IOException("enough");
                        });
                  } catch (IOException e) {
                    return; // the test's own
                  }
                });
    await("the capture", () -> list().contains("number"));
    ping();
    reader.join(30_000);
    await("its end", () -> !list().contains("number"));
    ping();
  }
}
