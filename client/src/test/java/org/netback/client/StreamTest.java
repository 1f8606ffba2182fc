package org.netback.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Answers that come in pieces, and connections of raw octets.
@Timeout(60)
class StreamTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final String HEAD =
      "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";

  @TempDir Path directory = Path.of("");
  private Path socket = Path.of("");

  @BeforeEach
  void name() {
    socket = directory.resolve("c.sock");
  }

  private ControlClient client() {
    return new ControlClient(socket, LONG);
  }

  private StrawDaemon answering(String octets) throws IOException {
    return StrawDaemon.answering(socket, octets);
  }

  private static String chunk(String text) {
    return Integer.toHexString(text.getBytes(UTF_8).length) + "\r\n" + text + "\r\n";
  }

  @Test
  void aWholeAnswerMayComeInChunks() throws Exception {
    try (StrawDaemon _ = answering(HEAD + chunk("[1,") + chunk(" \"é\"]") + "0\r\n\r\n")) {
      assertThat(client().request("GET", "/x", ""))
          .isEqualTo(new ControlClient.Response(200, "[1, \"é\"]"));
    }
  }

  @Test
  void aStreamIsHandedOnBeforeItEndsAndOutlivesTheTimeout() throws Exception {
    CountDownLatch seen = new CountDownLatch(1);
    try (StrawDaemon _ =
        new StrawDaemon(
            socket,
            (daemon, channel) -> {
              daemon.read(channel);
              StrawDaemon.send(channel, HEAD + chunk("first"));
              seen.await();
              for (char c : (chunk("second") + "0\r\n\r\n").toCharArray()) {
                StrawDaemon.send(channel, String.valueOf(c));
              }
            })) {
      StringBuilder text = new StringBuilder();
      ControlClient.Response response =
          client().stream(
              "GET",
              "/x",
              "",
              (octets, offset, length) -> {
                text.append(new String(octets, offset, length, UTF_8));
                seen.countDown();
              });
      assertThat(response).isEqualTo(new ControlClient.Response(200, ""));
      assertThat(text).hasToString("firstsecond");
    }
  }

  @Test
  void anAnswerThatSaysNoIsNoStream() throws Exception {
    try (StrawDaemon _ = answering(StrawDaemon.answer("409 Conflict", "{\"error\": \"no\"}"))) {
      ControlClient.Response response =
          client().stream(
              "GET",
              "/x",
              "",
              (octets, offset, length) -> {
                throw new AssertionError("handed on");
              });
      assertThat(response.reason()).isEqualTo("no");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "5\r\nab", "5\r\nabcde", "x\r\n", "2\r\nabc\r\n", "-1\r\n", "0\r\n"})
  void aStreamThatBreaksOffIsTold(String octets) throws Exception {
    try (StrawDaemon _ = answering(HEAD + octets)) {
      ControlException error =
          catchThrowableOfType(
              ControlException.class, () -> client().stream("GET", "/x", "", (_, _, _) -> {}));
      assertThat(error.exitCode()).isEqualTo(UserError.UNAVAILABLE);
      assertThat(error)
          .hasMessageStartingWith(
              "the daemon on " + socket + " has gone in the midst of its answer");
    }
  }

  @Test
  void aWholeAnswerInChunksHasABoundToo() throws Exception {
    String large = chunk("x".repeat(1 << 20));
    try (StrawDaemon _ =
        new StrawDaemon(
            socket,
            (daemon, channel) -> {
              daemon.read(channel);
              StrawDaemon.send(channel, HEAD);
              while (true) {
                StrawDaemon.send(channel, large);
              }
            })) {
      ControlException error =
          catchThrowableOfType(
              ControlException.class, () -> client().request("GET", "/events", ""));
      assertThat(error)
          .hasMessageEndingWith(
              "its answer has more than 33554432 octets: read so long an answer with curl"
                  + " --unix-socket "
                  + socket
                  + " http://netback/events");
    }
  }

  @Test
  void theSinksOwnFailureIsItsOwn() throws Exception {
    try (StrawDaemon _ = answering(HEAD + chunk("data"))) {
      IOException error =
          catchThrowableOfType(
              IOException.class,
              () ->
                  client().stream(
                      "GET",
                      "/x",
                      "",
                      (octets, offset, length) -> {
                        throw new IOException("Broken pipe");
                      }));
      assertThat(error).isExactlyInstanceOf(IOException.class).hasMessage("Broken pipe");
    }
  }

  @Test
  void anUpgradedConnectionCarriesOctetsBothWaysAndHalves() throws Exception {
    try (StrawDaemon daemon =
        new StrawDaemon(
            socket,
            (straw, channel) -> {
              straw.read(channel);
              StrawDaemon.send(
                  channel, "HTTP/1.1 101 Switching Protocols\r\nupgrade: talk\r\n\r\nhello ");
              String said = readAll(channel);
              StrawDaemon.send(channel, said.toUpperCase(Locale.ROOT));
            })) {
      try (ControlConnection connection = client().upgrade("POST", "/talk", "talk")) {
        connection.write("xxworld".getBytes(UTF_8), 2, 5);
        connection.endOutput();
        byte[] octets = new byte[3];
        StringBuilder text = new StringBuilder();
        for (int count; (count = connection.read(octets)) >= 0; ) {
          text.append(new String(octets, 0, count, UTF_8));
        }
        assertThat(text).hasToString("hello WORLD");
      }
      assertThat(daemon.requests())
          .singleElement()
          .asString()
          .startsWith("POST /talk HTTP/1.1\r\n")
          .contains("\r\nConnection: Upgrade\r\nUpgrade: talk\r\n");
    }
  }

  private static String readAll(SocketChannel channel) throws IOException {
    ByteBuffer octets = ByteBuffer.allocate(1000);
    while (channel.read(octets) >= 0) {
      assertThat(octets.hasRemaining()).isTrue();
    }
    return UTF_8.decode(octets.flip()).toString();
  }

  @Test
  void anUpgradeThatIsRefusedSaysWhy() throws Exception {
    try (StrawDaemon _ = answering(StrawDaemon.answer("404 Not Found", "{\"error\": \"none\"}"))) {
      ControlException error =
          catchThrowableOfType(
              ControlException.class, () -> client().upgrade("POST", "/talk", "talk"));
      assertThat(error.exitCode()).isEqualTo(UserError.FAILED);
      assertThat(error).hasMessage("none");
    }
  }

  private static String event(String name, String detail) {
    return "event: connected\ndata: {\"time\": \"t\", \"event\": \"connected\", \"name\": \""
        + name
        + "\", \"detail\": \""
        + detail
        + "\"}\n\n";
  }

  @Test
  void eventsArePrintedAsTheyCome() throws Exception {
    String stream = event("vif1.0", "") + event("up0", "blue\\u001b");
    try (StrawDaemon _ =
        answering(
            HEAD + chunk(stream.substring(0, 50)) + chunk(stream.substring(50)) + "0\r\n\r\n")) {
      assertThat(events())
          .isEqualTo("t  connected     vif1.0\nt  connected     up0         blue\ufffd\n");
      assertThat(events("--json").lines())
          .hasSize(2)
          .allSatisfy(line -> assertThat(line).startsWith("{\"time\": \"t\""));
    }
  }

  private String events(String... options) throws IOException {
    List<String> line = new ArrayList<>(List.of("events", "--control", socket.toString()));
    line.addAll(List.of(options));
    Writer out = new StringWriter();
    assertThat(Client.run(Invocation.parse(line), out)).isZero();
    return out.toString();
  }

  @Test
  void anEventWithoutAnEndTakesNoMemory() throws Exception {
    EventLines lines = new EventLines(data -> {});
    byte[] octets = new byte[1 << 16];
    ControlException error =
        catchThrowableOfType(
            ControlException.class,
            () -> {
              for (int i = 0; i < 100; i++) {
                lines.take(octets, 0, octets.length);
              }
            });
    assertThat(error.exitCode()).isEqualTo(UserError.PROTOCOL);
  }
}
