package org.netback.daemon.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.client.ControlClient;
import org.netback.daemon.Program;
import org.netback.loop.InternalErrors;

class ControlServerTest {
  @TempDir Path directory = Path.of("");

  private Path socket = Path.of("");
  private final List<InternalErrors.Report> log = new CopyOnWriteArrayList<>();
  private final InternalErrors errors = new InternalErrors(() -> 0, log::add);
  private final List<ControlServer> servers = new ArrayList<>();

  @BeforeEach
  void listen() throws IOException {
    socket = directory.resolve("control.sock");
    servers.add(ControlServer.listen(socket, routes(), errors));
  }

  @AfterEach
  void close() throws IOException {
    for (ControlServer server : servers) {
      server.close();
    }
  }

  private static Routes routes() {
    return new Routes()
        .add("GET", "/things", (path, body) -> Reply.ok(List.of(Map.of("name", "ä"))))
        .add("GET", "/things/*", (path, body) -> Reply.ok(Map.of("name", path.get(0))))
        .add("POST", "/things", (path, body) -> Reply.json(201, Map.of("length", body.length())))
        .add(
            "GET",
            "/refused",
            (path, body) -> {
              throw new RequestException(409, "it is there already");
            })
        .add(
            "GET",
            "/bug",
            (path, body) -> {
              throw new AssertionError("of ours");
            });
  }

  private ControlClient.Response get(String path) throws IOException {
    return new ControlClient(socket).request("GET", path, "");
  }

  private String curl(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("curl", "-s", "--unix-socket"));
    command.add(socket.toString());
    command.addAll(List.of(arguments));
    return Program.succeed(Duration.ofSeconds(20), command);
  }

  @Test
  void answersCurl() throws Exception {
    assertThat(curl("http://localhost/things")).isEqualTo("[ {\n  \"name\" : \"ä\"\n} ]\n");
    assertThat(curl("-X", "POST", "-d", "12345", "http://localhost/things"))
        .isEqualTo("{\n  \"length\" : 5\n}\n");
    assertThat(curl("-o", "/dev/null", "-w", "%{http_code} %{content_type}", "http://x/nothing"))
        .isEqualTo("404 application/json");
    assertThat(curl("http://localhost/things/1", "http://localhost/things/2?verbose"))
        .contains("\"1\"", "\"2\"");
  }

  @Test
  void errorsAreJsonThatSaysWhatWouldBeRight() throws Exception {
    assertThat(get("/nothing"))
        .isEqualTo(
            new ControlClient.Response(
                404,
                "{\n  \"error\" : \"there is no /nothing; there are /bug, /refused, /things,"
                    + " /things/*\"\n}\n"));
    assertThat(new ControlClient(socket).request("DELETE", "/things", ""))
        .isEqualTo(
            new ControlClient.Response(
                405, "{\n  \"error\" : \"/things takes GET, POST only, not DELETE\"\n}\n"));
    assertThat(get("/refused").status()).isEqualTo(409);
    assertThat(get("/bug").status()).isEqualTo(500);
    assertThat(get("/bug").status()).isEqualTo(500);
    assertThat(errors.count()).isEqualTo(2);
    assertThat(log)
        .extracting(InternalErrors.Report::owner)
        .containsExactly("control API, GET /bug");
    assertThat(get("/things").status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"é", "a b", "vif1.0?x", "a/b", "..", ".", "100%", "a+b", "%41", "😀", "#"})
  void aPartOfAPathIsAnyText(String name) throws Exception {
    assertThat(get(ControlClient.path("things", name)))
        .isEqualTo(new ControlClient.Response(200, Reply.ok(Map.of("name", name)).body()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          /things/1?x=y                  | 200
          /things/1?x=%ZZ/é              | 200
          /things/?x                     | 404
          /things/1?x?y                  | 200
          /things//1                     | 404
          //things                       | 404
          http://netback/things          | 200
          /things/%41                    | 200
          /%74hings                      | 200
          /things%2F1                    | 404
          /things/../things              | 404
          /                              | 404
          /things/%                      | 400
          /things/%4                     | 400
          /things/%zz                    | 400
          /things/%-1                    | 400
          /things/%00                    | 400
          /things/%0a                    | 400
          /things/%7f                    | 400
          /things/%ff                    | 400
          /things/%c0%ae                 | 400
          /things/%ed%a0%80              | 400
          things                         | 400
          *                              | 400
          """)
  void takesATargetApartAsItIsWritten(String target, int status) throws Exception {
    assertThat(raw("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        .startsWith("HTTP/1.1 " + status + ' ');
  }

  @Test
  void answersJunkWithAReasonAndHangsUp() throws Exception {
    assertThat(raw("\u0000\u0001\u0002\r\n\r\n")).startsWith("HTTP/1.1 400 ");
    assertThat(raw("GET\r\n\r\n")).startsWith("HTTP/1.1 400 ");
    assertThat(raw("GET /things/a b HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 400 ");
    assertThat(raw("GET /things/" + "x".repeat(5000) + " HTTP/1.1\r\n\r\n"))
        .startsWith("HTTP/1.1 414 ");
    assertThat(raw("GET /things HTTP/1.1\r\nX: " + "x".repeat(9000) + "\r\n\r\n"))
        .startsWith("HTTP/1.1 431 ");
    assertThat(get("/things").status()).isEqualTo(200);
  }

  /// Sends these octets and reads until the server hangs up.
  private String raw(String octets) throws IOException {
    try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      ByteBuffer request = ByteBuffer.wrap(octets.getBytes(StandardCharsets.UTF_8));
      while (request.hasRemaining()) {
        client.write(request);
      }
      ByteBuffer answer = ByteBuffer.allocate(64 << 10);
      while (client.read(answer) >= 0) {
        // Until its end.
      }
      return new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void refusesALongBody() throws Exception {
    assertThat(
            curl(
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                "-H",
                "Expect:",
                "-d",
                "x".repeat(70_000),
                "http://localhost/things"))
        .isEqualTo("413");
  }

  @Test
  void onlyItsOwnUserMayConnect() throws Exception {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rw-------");
  }

  @Test
  void leavesTheSocketToADaemonThatListens() {
    assertThatThrownBy(() -> ControlServer.listen(socket, routes(), errors))
        .isInstanceOf(IOException.class)
        .hasMessage("control: " + socket + ": another process is listening there");
  }

  @Test
  void takesTheSocketOfADaemonThatWasKilled() throws Exception {
    Path dead = directory.resolve("dead.sock");
    try (ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.bind(UnixDomainSocketAddress.of(dead));
    }
    servers.add(ControlServer.listen(dead, routes(), errors));
    assertThat(new ControlClient(dead).request("GET", "/things", "").status()).isEqualTo(200);
  }

  @Test
  void leavesTheNameToWhoeverHasTakenIt() throws Exception {
    Files.delete(socket);
    try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      other.bind(UnixDomainSocketAddress.of(socket));
      servers.removeFirst().close();
      assertThat(socket).exists();
    }
  }
}
