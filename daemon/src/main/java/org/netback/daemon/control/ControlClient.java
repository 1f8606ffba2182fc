package org.netback.daemon.control;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/// One request to a daemon at a time, without an event loop: the command line has to start fast.
public final class ControlClient {
  private final Path socket;

  public ControlClient(Path socket) {
    this.socket = socket;
  }

  /// What the daemon answered.
  public record Response(int status, String body) {}

  /// @param body as JSON, empty for none
  /// @throws IOException no daemon listens on the socket, or it does not speak HTTP
  public Response request(String method, String path, String body) throws IOException {
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    String head =
        method
            + ' '
            + path
            + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
            + content.length
            + "\r\n\r\n";
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      write(channel, head.getBytes(StandardCharsets.US_ASCII));
      write(channel, content);
      return parse(readAll(channel));
    }
  }

  private static void write(SocketChannel channel, byte[] octets) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(octets);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  private static String readAll(SocketChannel channel) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    ByteBuffer buffer = ByteBuffer.allocate(16 << 10);
    while (channel.read(buffer) >= 0) {
      all.write(buffer.array(), 0, buffer.position());
      buffer.clear();
    }
    return all.toString(StandardCharsets.UTF_8);
  }

  private Response parse(String answer) throws IOException {
    int end = answer.indexOf("\r\n\r\n");
    if (end < 0 || !answer.matches("(?s)HTTP/1\\.1 [0-9]{3}.*")) {
      throw new IOException(socket + ": the answer is not HTTP");
    }
    return new Response(Integer.parseInt(answer, 9, 12, 10), answer.substring(end + 4));
  }
}
