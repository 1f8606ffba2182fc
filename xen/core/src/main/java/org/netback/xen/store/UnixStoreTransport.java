package org.netback.xen.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.netback.loop.netty.NettyLoop;
import org.netback.loop.netty.UnixStream;

/// A connection to xenstored's Unix socket. Its loop delivers, and so must not be one on which
/// calls of the store are made.
public final class UnixStoreTransport implements StoreTransport {
  private final UnixStream stream;

  private UnixStoreTransport(UnixStream stream) {
    this.stream = stream;
  }

  /// Connects. Not to be called on the loop, since it waits for it.
  public static UnixStoreTransport connect(NettyLoop loop, Path socket) throws IOException {
    return new UnixStoreTransport(UnixStream.connect(loop, socket, "xenstored"));
  }

  @Override
  public void start(Receiver receiver) {
    stream.start(
        new UnixStream.Receiver() {
          @Override
          public void received(ByteBuffer octets) {
            receiver.received(octets);
          }

          @Override
          public void closed(String reason) {
            receiver.closed(reason);
          }
        });
  }

  @Override
  public void send(ByteBuffer octets) {
    stream.send(octets);
  }

  @Override
  public void close() {
    stream.close();
  }
}
