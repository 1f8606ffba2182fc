package org.netback.daemon.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
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
import org.netback.daemon.Command;
import org.netback.xen.event.InternalErrors;

class ControlServerTest {
  @TempDir Path directory = Path.of("");

  private Path socket = Path.of("");
  private final List<InternalErrors.Report> log = new CopyOnWriteArrayList<>();
  private final InternalErrors errors = new InternalErrors(System::nanoTime, log::add);
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
    return Command.succeed(Duration.ofSeconds(20), command);
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
