package org.netback.daemon;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.netback.client.ControlClient;
import org.netback.daemon.control.ControlServer;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.Routes;
import org.netback.loop.InternalErrors;

/// Listens to events as a client does, on a control API that serves nothing else.
final class EventLog implements AutoCloseable {
  private static final Pattern EVENT =
      Pattern.compile(
          "data: .*\"event\":\"([^\"]*)\",\"name\":\"([^\"]*)\",\"detail\":\"([^\"]*)\".*");

  private final ControlServer server;
  private final SocketChannel client;
  private final BufferedReader lines;

  /// @param socket to make
  EventLog(Events events, Path socket) throws IOException {
    server =
        ControlServer.listen(
            socket,
            new Routes().add("GET", "/events", (path, body) -> Reply.events(events.listener())),
            new InternalErrors(System::nanoTime));
    client = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    client.write(ByteBuffer.wrap("GET /events HTTP/1.0\r\n\r\n".getBytes(UTF_8)));
    lines = new BufferedReader(Channels.newReader(client, UTF_8));
    while (!lines.readLine().isEmpty()) {
      // Its head.
    }
    // Answered behind the stream's opening.
    assertThat(new ControlClient(socket).request("GET", "/", "").status()).isEqualTo(404);
  }

  /// The next events, each as its kind, name and detail.
  List<String> take(int count) throws IOException {
    List<String> events = new ArrayList<>();
    while (events.size() < count) {
      Matcher event = EVENT.matcher(lines.readLine());
      if (event.matches()) {
        events.add(String.join(" ", event.group(1), event.group(2), event.group(3)).strip());
      }
    }
    return events;
  }

  @Override
  public void close() throws IOException {
    client.close();
    server.close();
  }
}
