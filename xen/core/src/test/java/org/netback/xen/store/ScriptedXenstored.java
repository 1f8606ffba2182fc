package org.netback.xen.store;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// The other end of a real socket, which answers as a test wants: what a sound xenstored would
/// never do included. One connection.
final class ScriptedXenstored implements AutoCloseable {
  /// What is done about one request.
  @FunctionalInterface
  interface Script {
    void take(StoreMessage request, Peer peer) throws IOException;
  }

  private final ServerSocketChannel server;
  private final CompletableFuture<Void> done;

  private ScriptedXenstored(ServerSocketChannel server, Script script) {
    this.server = server;
    done = CompletableFuture.runAsync(() -> serve(script));
  }

  static ScriptedXenstored listen(Path socket, Script script) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket));
    return new ScriptedXenstored(server, script);
  }

  private void serve(Script script) {
    try (SocketChannel client = server.accept()) {
      Peer peer = new Peer(client);
      StoreMessage.Decoder decoder = new StoreMessage.Decoder();
      ByteBuffer octets = ByteBuffer.allocate(1000);
      while (client.read(octets.clear()) >= 0) {
        octets.flip();
        while (octets.hasRemaining()) {
          Optional<StoreMessage> request = decoder.decode(octets);
          if (request.isPresent()) {
            script.take(request.get(), peer);
          }
        }
      }
    } catch (IOException e) {
      // The client has gone, or the test has ended.
      return;
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    var _ = done.cancel(true);
  }

  /// The connection, as the script uses it.
  static final class Peer {
    private final SocketChannel client;

    private Peer(SocketChannel client) {
      this.client = client;
    }

    void reply(StoreMessage request, String payload) throws IOException {
      send(new StoreMessage(request.type(), request.requestId(), request.transactionId(), payload));
    }

    void refuse(StoreMessage request, String error) throws IOException {
      send(
          new StoreMessage(
              StoreOperation.ERROR.type(),
              request.requestId(),
              request.transactionId(),
              error + '\0'));
    }

    void event(String path, String token) throws IOException {
      send(
          new StoreMessage(
              StoreOperation.WATCH_EVENT.type(), 0, 0, StoreMessage.nulTerminated(path, token)));
    }

    void send(StoreMessage message) throws IOException {
      sendOctets(message.encode());
    }

    void sendOctets(ByteBuffer octets) throws IOException {
      while (octets.hasRemaining()) {
        client.write(octets);
      }
    }

    void hangUp() throws IOException {
      client.close();
    }
  }
}
