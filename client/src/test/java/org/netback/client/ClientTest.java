package org.netback.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ClientTest {
  @TempDir Path directory = Path.of("");
  private Path socket = Path.of("");

  @BeforeEach
  void name() {
    socket = directory.resolve("c.sock");
  }

  private record Outcome(int code, String out, String err) {}

  private Outcome netback(String... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    List<String> line = new ArrayList<>(List.of(words));
    if (!line.contains("--help")) {
      line.addAll(List.of("--control", socket.toString()));
    }
    int code = Client.guarded(new PrintWriter(err), () -> Client.run(Invocation.parse(line), out));
    return new Outcome(code, out.toString(), err.toString());
  }

  private StrawDaemon answering(String status, String body) throws IOException {
    return StrawDaemon.answering(socket, StrawDaemon.answer(status, body));
  }

  @Test
  void printsATableOrTheAnswerAsItCame() throws Exception {
    String body = "[ {\n  \"network\" : \"blue\", \"mac\" : \"m\", \"port\" : \"p\"\n} ]\n";
    try (StrawDaemon daemon = answering("200 OK", body)) {
      assertThat(netback("fdb", "show"))
          .isEqualTo(new Outcome(0, "NETWORK  MAC  PORT  AGE\nblue     m    p      s\n", ""));
      assertThat(netback("fdb", "show", "--json")).isEqualTo(new Outcome(0, body, ""));
      assertThat(daemon.requests())
          .allSatisfy(request -> assertThat(request).startsWith("GET /fdb HTTP/1.1\r\n"));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ls\\r            | ls\\u000d
          \\x03            | \\u0003
          \\e[A\\t\\n      | \\u001b[A\\u0009\\u000a
          C:\\\\x           | C:\\\\x
          """)
  void aTextIsTypedWithItsEscapes(String text, String typed) throws Exception {
    try (StrawDaemon daemon = answering("200 OK", "{\"sent\": 1}")) {
      assertThat(netback("console", "send", "web", text).code()).isZero();
      assertThat(daemon.requests().getFirst())
          .startsWith("POST /consoles/web/input HTTP/1.1\r\n")
          .endsWith("\r\n\r\n" + Json.parse('"' + typed + '"').text());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"\\", "a\\", "\\q", "\\x", "\\x1", "\\x00", "\\x80", "\\xg1", "\ufffd"})
  void aTextThatMeansNothingIsNotTyped(String text) {
    Outcome outcome = netback("console", "send", "web", text);
    assertThat(outcome.code()).isEqualTo(UserError.USAGE);
    assertThat(outcome.err()).containsAnyOf(" means nothing; ", "the text is no UTF-8");
  }

  @Test
  void moreThanTheDaemonTakesIsSaidInWords() throws Exception {
    try (StrawDaemon _ = answering("413 Request Entity Too Large", "")) {
      assertThat(netback("console", "send", "web", "long"))
          .isEqualTo(
              new Outcome(
                  1, "", "netback: that is more than the daemon takes at once: send less\n"));
    }
  }

  @Test
  void aLogThatIsFollowedEndsWithItsConsoleOrWithTheDaemon() throws Exception {
    String head = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    String stream = head + "5\r\nhello\r\n0\r\n\r\n";
    try (StrawDaemon _ = StrawDaemon.answering(socket, stream)) {
      assertThat(netback("console", "log", "web", "--follow"))
          .isEqualTo(new Outcome(0, "hello", ""));
    }
    Files.delete(socket);
    try (StrawDaemon _ =
        new StrawDaemon(
            socket,
            (daemon, channel) -> {
              daemon.read(channel);
              daemon.close();
              StrawDaemon.send(channel, stream);
            })) {
      Outcome outcome = netback("console", "log", "web", "--follow");
      assertThat(outcome.code()).isEqualTo(UserError.UNAVAILABLE);
      assertThat(outcome.out()).isEqualTo("hello");
      assertThat(outcome.err()).contains("has gone");
    }
  }

  @Test
  void asksForAnyNameAsItIsWritten() throws Exception {
    try (StrawDaemon daemon = answering("404 Not Found", "{\"error\": \"there is no vif é\"}")) {
      assertThat(netback("vif", "show", "é"))
          .isEqualTo(new Outcome(1, "", "netback: there is no vif é\n"));
      netback("vif", "show", "a b");
      netback("vif", "show", "vif1.0?x");
      netback("vif", "rate", "../x", "--to-guest", "10Mb/s\"");
      assertThat(daemon.requests().stream().map(request -> request.lines().findFirst().orElse("")))
          .containsExactly(
              "GET /vifs/%C3%A9 HTTP/1.1",
              "GET /vifs/a%20b HTTP/1.1",
              "GET /vifs/vif1.0%3Fx HTTP/1.1",
              "PUT /vifs/..%2Fx/rate HTTP/1.1");
      assertThat(daemon.requests().getLast()).endsWith("{\"toGuest\": \"10Mb/s\\u0022\"}");
    }
  }

  @Test
  void anEmptyNameIsAMistakeOfTheCommandLine() {
    assertThat(netback("vif", "show", "").code()).isEqualTo(UserError.USAGE);
    assertThat(netback("vif", "rate", "", "--to-guest", "none").code()).isEqualTo(UserError.USAGE);
    assertThat(netback("vif", "rate", "vif1.0").err())
        .startsWith("netback: give --from-guest RATE, --to-guest RATE, or both");
  }

  @Test
  void showsWhatAServerSaysThatKnowsNoJson() throws Exception {
    try (StrawDaemon _ = answering("502 Bad Gateway", "<p>\033[31mno")) {
      assertThat(netback("status"))
          .isEqualTo(new Outcome(1, "", "netback: HTTP status 502 <p>\ufffd[31mno\n"));
    }
  }

  @Test
  void tellsAnAnswerThatIsNoJson() throws Exception {
    try (StrawDaemon _ = answering("200 OK", "<html>")) {
      Outcome outcome = netback("status");
      assertThat(outcome.code()).isEqualTo(UserError.PROTOCOL);
      assertThat(outcome.err()).contains("its answer is no JSON: no value at character 0");
    }
  }

  @Test
  void stopWaitsForTheDaemonsEndAndNoLongerThanItWasTold() throws Exception {
    Process other = new ProcessBuilder("sleep", "600").start();
    long pid = other.pid();
    try (StrawDaemon daemon = answering("202 Accepted", "{\"pid\": " + pid + "}")) {
      Outcome outcome = netback("stop", "--keep-guests", "--wait", "0.1");
      assertThat(outcome.code()).isEqualTo(UserError.TIMEOUT);
      assertThat(outcome.err())
          .startsWith("netback: the daemon, pid " + pid + ", is ending and has not ended within");
      assertThat(daemon.requests()).singleElement().asString().endsWith("{\"keepGuests\": true}");

      other.destroyForcibly();
      assertThat(netback("stop")).isEqualTo(new Outcome(0, "", ""));
    } finally {
      other.destroyForcibly();
    }
  }

  @Test
  void saysThatADaemonThatIsStoppedMayStillDoWhatItWasTold() throws Exception {
    try (StrawDaemon _ = new StrawDaemon(socket, (daemon, client) -> daemon.awaitClose())) {
      Outcome stop = netback("stop", "--timeout", "0.2");
      assertThat(stop.code()).isEqualTo(UserError.TIMEOUT);
      assertThat(stop.err()).endsWith("; when it goes on it may still do what it was told\n");
    }
  }

  @Test
  void helpNeedsNoDaemon() {
    assertThat(netback("vif", "list", "--help").out())
        .isEqualTo(
            """
            Usage: netback vif list [--json] [--control SOCKET] [--timeout SECONDS]

            The vifs, one line for each guest's device.

              --json             Print the answer as JSON.
              --control SOCKET   The daemon's control socket. (default: /run/netback/control.sock)
              --timeout SECONDS  How long to wait for the answer. (default: 5)
            """);
  }

  @Test
  void aReaderThatHasSeenEnoughIsToldNothing() {
    assertThat(failedWrite("Broken pipe")).isEqualTo(new Outcome(UserError.OUTPUT, "", ""));
  }

  @Test
  void anOutputThatCannotBeWrittenIsTold() {
    assertThat(failedWrite("No space left on device"))
        .isEqualTo(
            new Outcome(
                UserError.OUTPUT,
                "",
                "netback: the output cannot be written: No space left on device\n"));
  }

  private static Outcome failedWrite(String reason) {
    StringWriter err = new StringWriter();
    Writer broken =
        new Writer() {
          @Override
          public void write(char[] text, int offset, int length) throws IOException {
            throw new IOException(reason);
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    int code =
        Client.guarded(
            new PrintWriter(err), () -> Client.run(Invocation.parse(List.of("--help")), broken));
    return new Outcome(code, "", err.toString());
  }

  @Test
  void aBugHasAnExitCodeOfItsOwn() {
    StringWriter err = new StringWriter();
    int code =
        Client.guarded(
            new PrintWriter(err),
            () -> {
              throw new IllegalStateException("of ours");
            });
    assertThat(code).isEqualTo(UserError.BUG);
    assertThat(err.toString()).contains("a bug of netback's", "of ours", "\tat ");
  }
}
