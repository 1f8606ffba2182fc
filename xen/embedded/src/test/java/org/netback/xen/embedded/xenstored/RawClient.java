package org.netback.xen.embedded.xenstored;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;

/// A client that speaks the wire protocol and nothing more. Blocks; one thread.
final class RawClient implements AutoCloseable {
  record Received(int type, int request, int transaction, String payload) {
    boolean failed() {
      return type == MessageHeader.ERROR;
    }
  }

  private final SocketChannel socket;
  private final Deque<Received> events = new ArrayDeque<>();
  private int nextRequest = 1;

  RawClient(Path path) throws IOException {
    socket = SocketChannel.open(StandardProtocolFamily.UNIX);
    socket.connect(UnixDomainSocketAddress.of(path));
  }

  /// Sends a request and waits for its reply; the payload of an error is its name and a nul.
  Received call(int transaction, Operation operation, String payload) throws IOException {
    int request = nextRequest++;
    send(frame(operation.type(), request, transaction, payload));
    while (true) {
      Received received = receive();
      if (received.type() == MessageHeader.WATCH_EVENT) {
        events.add(received);
      } else {
        if (received.request() != request || received.transaction() != transaction) {
          throw new IOException("a reply to something else: " + received);
        }
        return received;
      }
    }
  }

  String ok(Operation operation, String payload) throws IOException {
    return ok(0, operation, payload);
  }

  String ok(int transaction, Operation operation, String payload) throws IOException {
    Received received = call(transaction, operation, payload);
    if (received.failed()) {
      throw new IOException(operation + " " + payload + ": " + received.payload());
    }
    return received.payload();
  }

  /// The next watch event's payload, which may have come before.
  String event() throws IOException {
    if (!events.isEmpty()) {
      return events.remove().payload();
    }
    Received received = receive();
    if (received.type() != MessageHeader.WATCH_EVENT) {
      throw new IOException("not an event: " + received);
    }
    return received.payload();
  }

  static byte[] frame(int type, int request, int transaction, String payload) {
    byte[] octets = payload.getBytes(ISO_8859_1);
    return ByteBuffer.allocate(MessageHeader.SIZE + octets.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(type)
        .putInt(request)
        .putInt(transaction)
        .putInt(octets.length)
        .put(octets)
        .array();
  }

  void send(byte[] octets) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(octets);
    while (left.hasRemaining()) {
      socket.write(left);
    }
  }

  SocketChannel socket() {
    return socket;
  }

  Received receive() throws IOException {
    ByteBuffer header = read(MessageHeader.SIZE);
    int type = header.getInt();
    int request = header.getInt();
    int transaction = header.getInt();
    ByteBuffer payload = read(header.getInt());
    return new Received(type, request, transaction, ISO_8859_1.decode(payload).toString());
  }

  private ByteBuffer read(int length) throws IOException {
    ByteBuffer octets = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (octets.hasRemaining()) {
      if (socket.read(octets) < 0) {
        throw new EOFException("the store closed the connection");
      }
    }
    return octets.flip();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
