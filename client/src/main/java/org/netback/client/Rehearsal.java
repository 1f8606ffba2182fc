package org.netback.client;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Runs every query against a daemon of straw, so that a class data archive can be made of all that
/// queries load.
final class Rehearsal {
  private static final Map<String, String> ANSWERS =
      Map.of(
          "GET /status ",
              """
              {"version": "0", "uptimeSeconds": 1, "ground": {"kind": "embedded", "apart": false},
               "vifs": 0, "networks": [{"network": "blue", "ports": 0, "addresses": 0}]}\
              """,
          "GET /vifs ",
              """
              [{"id": "vif1.0", "queues": 1, "ingressOctets": 12345, "drops": {"TOO_LONG": 1}}]\
              """,
          "GET /vifs/vif1.0 ", "{\"id\": \"vif1.0\", \"drops\": {}, \"tx\": [{\"frames\": 1}]}",
          "PUT /vifs/vif1.0/rate ", "{\"id\": \"vif1.0\", \"rateToGuest\": \"none\"}",
          "GET /fdb ", "[{\"network\": \"blue\", \"ageSeconds\": 1, \"static\": false}]",
          "GET /mcast ",
              "{\"networks\": [{\"network\": \"blue\"}], \"groups\": [{\"port\": \"a\"}]}",
          "GET /ports ", "[{\"name\": \"up0\", \"drops\": {}}]",
          "GET /consoles ", "[{\"id\": \"console1.0\", \"viewers\": [], \"fromGuest\": 1}]",
          "POST /stop ", "{\"pid\": 2147483647}");

  private static final List<String> LINES =
      List.of(
          "status",
          "status --json",
          "vif list",
          "vif show vif1.0",
          "vif show nothing",
          "vif rate vif1.0 --to-guest none",
          "console list",
          "fdb show",
          "mcast show",
          "port list --timeout=2",
          "stop",
          "stop --wait 1",
          "events",
          "events --json",
          "stauts",
          "vif lst",
          "guest --naem x",
          "--help",
          "vif list --help",
          "--version");

  private Rehearsal() {}

  static void run() throws IOException {
    Path directory = Files.createTempDirectory("netback-");
    Path socket = directory.resolve("c.sock");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      Thread.ofPlatform().daemon().start(() -> answer(server));
      for (String line : LINES) {
        rehearse(line + " --control " + socket);
        rehearse(line + " --control /");
      }
      rehearse("status --control " + directory.resolve("none"));
    } finally {
      Files.deleteIfExists(socket);
      Files.delete(directory);
    }
  }

  private static void rehearse(String line) {
    StringWriter out = new StringWriter();
    var _ =
        Client.guarded(
            new PrintWriter(new StringWriter()),
            () -> Client.run(Invocation.parse(List.of(line.split(" ", -1))), out));
  }

  private static void answer(ServerSocketChannel server) {
    try {
      while (true) {
        try (SocketChannel client = server.accept()) {
          ByteBuffer request = ByteBuffer.allocate(1 << 10);
          client.read(request);
          String head = new String(request.array(), 0, request.position(), StandardCharsets.UTF_8);
          String body =
              ANSWERS.getOrDefault(
                  head.substring(0, head.indexOf("HTTP")), "{\"error\": \"there is no such\"}");
          String status = body.contains("error") ? "404 Not Found" : "200 OK";
          String answer =
              "HTTP/1.1 " + status + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
          client.write(ByteBuffer.wrap(answer.getBytes(StandardCharsets.UTF_8)));
        }
      }
    } catch (IOException e) {
      // The end: the server is closed.
    }
  }
}
