package org.netback.client;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/// Listens on a control socket and does to every client what its script says.
final class StrawDaemon implements AutoCloseable {
  private final ServerSocketChannel server;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final List<String> requests = new CopyOnWriteArrayList<>();

  /// What becomes of one connection, which is closed after it.
  @FunctionalInterface
  interface Script {
    void play(StrawDaemon daemon, SocketChannel client) throws IOException, InterruptedException;
  }

  StrawDaemon(Path socket, Script script) throws IOException {
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    Thread.ofPlatform().daemon().start(() -> serve(script));
  }

  /// Reads the request and sends these octets.
  static StrawDaemon answering(Path socket, String octets) throws IOException {
    return new StrawDaemon(
        socket,
        (daemon, client) -> {
          daemon.read(client);
          send(client, octets);
        });
  }

  /// An answer as the daemon makes them.
  static String answer(String status, String body) {
    return "HTTP/1.1 "
        + status
        + "\r\ncontent-type: application/json\r\ncontent-length: "
        + body.getBytes(StandardCharsets.UTF_8).length
        + "\r\nconnection: close\r\n\r\n"
        + body;
  }

  static void send(SocketChannel client, String octets) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(octets.getBytes(StandardCharsets.UTF_8));
    while (buffer.hasRemaining()) {
      client.write(buffer);
    }
  }

  void read(SocketChannel client) throws IOException {
    ByteBuffer request = ByteBuffer.allocate(4096);
    client.read(request);
    requests.add(new String(request.array(), 0, request.position(), StandardCharsets.UTF_8));
  }

  /// The requests that were read, each from its method to the end of its body.
  List<String> requests() {
    return requests;
  }

  void awaitClose() throws InterruptedException {
    closing.await();
  }

  private void serve(Script script) {
    try {
      while (true) {
        try (SocketChannel client = server.accept()) {
          script.play(this, client);
        } catch (java.nio.channels.ClosedChannelException e) {
          return;
        } catch (IOException e) {
          // The client has had enough.
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() throws IOException {
    closing.countDown();
    server.close();
  }
}
