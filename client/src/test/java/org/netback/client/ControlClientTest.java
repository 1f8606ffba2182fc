package org.netback.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ControlClientTest {
  private static final Duration SHORT = Duration.ofMillis(200);
  private static final Duration LONG = Duration.ofSeconds(30);

  @TempDir Path directory = Path.of("");
  private Path socket = Path.of("");

  @BeforeEach
  void name() {
    socket = directory.resolve("c.sock");
  }

  private ControlException failure(Duration timeout) {
    return catchThrowableOfType(
        ControlException.class,
        () -> new ControlClient(socket, timeout).request("GET", "/status", ""));
  }

  private ControlException failureOf(String answer) throws IOException {
    try (StrawDaemon _ = StrawDaemon.answering(socket, answer)) {
      return failure(LONG);
    }
  }

  @Test
  void handsOnAnAnswerWithItsStatus() throws Exception {
    try (StrawDaemon daemon =
        StrawDaemon.answering(socket, StrawDaemon.answer("404 Not Found", "{\"error\": \"é\"}"))) {
      assertThat(new ControlClient(socket, LONG).request("PUT", "/x", "{\"a\": 1}"))
          .isEqualTo(new ControlClient.Response(404, "{\"error\": \"é\"}"));
      assertThat(daemon.requests()).singleElement().asString().startsWith("PUT /x HTTP/1.1\r\n");
    }
  }

  @Test
  void readsAnAnswerThatComesInPieces() throws Exception {
    String answer = StrawDaemon.answer("200 OK", "[1, 2, 3]");
    try (StrawDaemon _ =
        new StrawDaemon(
            socket,
            (daemon, client) -> {
              daemon.read(client);
              for (int i = 0; i < answer.length(); i++) {
                StrawDaemon.send(client, answer.substring(i, i + 1));
              }
            })) {
      assertThat(new ControlClient(socket, LONG).request("GET", "/x", "").body())
          .isEqualTo("[1, 2, 3]");
    }
  }

  @Test
  void givesUpOnADaemonThatSaysNothing() throws Exception {
    try (StrawDaemon _ = new StrawDaemon(socket, (daemon, client) -> daemon.awaitClose())) {
      ControlException error = failure(SHORT);
      assertThat(error.exitCode()).isEqualTo(UserError.TIMEOUT);
      assertThat(error)
          .hasMessage(
              "the daemon on "
                  + socket
                  + " has not answered within 0.2 s: it may be stopped, or have too much to do; see"
                  + " its process and its log, or wait longer with --timeout SECONDS");
    }
  }

  /// On a busy machine it has to be waited for longer until it begins.
  @Test
  void givesUpOnADaemonThatStopsWithinItsAnswer() throws Exception {
    for (Duration timeout = SHORT; ; timeout = timeout.multipliedBy(2)) {
      try (StrawDaemon _ =
          new StrawDaemon(
              socket,
              (daemon, client) -> {
                StrawDaemon.send(client, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{");
                daemon.awaitClose();
              })) {
        ControlException error = failure(timeout);
        assertThat(error.exitCode()).isEqualTo(UserError.TIMEOUT);
        String within = " within " + timeout.toMillis() / 1000.0 + " s";
        if (!String.valueOf(error.getMessage()).contains("has not answered" + within)) {
          assertThat(error).hasMessageContaining("has not finished its answer" + within);
          return;
        }
      }
      Files.delete(socket);
    }
  }

  @Test
  void givesUpOnADaemonThatTakesNoMoreConnections() throws Exception {
    List<SocketChannel> waiting = new ArrayList<>();
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket), 1);
      for (int i = 0; i < 2; i++) {
        waiting.add(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
      }
      assertThat(failure(SHORT).exitCode()).isEqualTo(UserError.TIMEOUT);
    } finally {
      for (SocketChannel channel : waiting) {
        channel.close();
      }
    }
  }

  @Test
  void boundsAHeadThatNeverEnds() throws Exception {
    try (StrawDaemon _ =
        new StrawDaemon(
            socket,
            (daemon, client) -> {
              while (true) {
                StrawDaemon.send(client, "x".repeat(1000));
              }
            })) {
      ControlException error = failure(LONG);
      assertThat(error.exitCode()).isEqualTo(UserError.PROTOCOL);
      assertThat(error).hasMessageContaining("begins with no head of HTTP");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\n\r\nto the end of the connection",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n1234",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        "HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-le"
      })
  void refusesWhatIsNoAnswerOfADaemon(String answer) throws Exception {
    ControlException error = failureOf(answer);
    assertThat(error.exitCode()).isEqualTo(UserError.PROTOCOL);
    assertThat(error).hasMessageStartingWith("what answers on " + socket + " is no netback");
  }

  @Test
  void saysHowMuchOfABrokenAnswerCame() throws Exception {
    assertThat(failureOf("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n1234"))
        .hasMessageEndingWith("its answer ends after 4 of 5 octets");
  }

  @Test
  void takesNoMemoryForAnAnswerThatIsTooLong() throws Exception {
    assertThat(failureOf("HTTP/1.1 200 OK\r\ncontent-length: 33554433\r\n\r\n"))
        .hasMessageEndingWith(
            "its answer has 33554433 octets, more than 33554432: read so long an answer with curl"
                + " --unix-socket "
                + socket
                + " http://netback/status");
  }

  @Test
  void tellsAnEndWithoutAnAnswer() throws Exception {
    ControlException error = failureOf("");
    assertThat(error.exitCode()).isEqualTo(UserError.UNAVAILABLE);
    assertThat(error).hasMessageContaining("closed the connection without an answer");
  }

  @Test
  void tellsASocketThatNobodyListensOn() throws Exception {
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
    }
    ControlException error = failure(LONG);
    assertThat(error.exitCode()).isEqualTo(UserError.UNAVAILABLE);
    assertThat(error)
        .hasMessageStartingWith("no daemon listens on " + socket + " (Connection refused)");
  }

  @Test
  void tellsWhatIsNoSocket() throws Exception {
    Files.writeString(socket, "");
    ControlException file = failure(LONG);
    Files.delete(socket);
    Files.createDirectory(socket);
    assertThat(List.of(file, failure(LONG)))
        .allSatisfy(error -> assertThat(error.exitCode()).isEqualTo(UserError.UNAVAILABLE))
        .allSatisfy(
            error -> assertThat(error).hasMessageStartingWith(socket + " is no socket: name"));
  }

  @Test
  void encodesEveryPartOfAPath() {
    assertThat(ControlClient.path("vifs", "vif1.0", "rate")).isEqualTo("/vifs/vif1.0/rate");
    assertThat(ControlClient.path("vifs", "a b/é?x=%&#\n~_-."))
        .isEqualTo("/vifs/a%20b%2F%C3%A9%3Fx%3D%25%26%23%0A~_-.");
  }
}
