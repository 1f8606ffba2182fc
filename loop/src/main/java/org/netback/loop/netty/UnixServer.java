package org.netback.loop.netty;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.nio.file.Path;

/// A Unix socket of streams that Netty takes clients on, under the rules of [SocketFile]. Any
/// thread.
public final class UnixServer implements AutoCloseable {
  private static final int BACKLOG = 128;

  private final SocketFile name;
  private final Channel channel;

  private UnixServer(SocketFile name, Channel channel) {
    this.name = name;
    this.channel = channel;
  }

  /// Starts to take clients. Waits for the bootstrap's loop, and therefore is not called on it.
  ///
  /// @param bootstrap with its group and handlers, and without a channel
  /// @throws IOException the socket cannot be made, or somebody listens there
  public static UnixServer listen(Path path, ServerBootstrap bootstrap) throws IOException {
    Socket socket = socket(path);
    SocketFile name;
    try {
      name =
          SocketFile.make(
              path,
              new SocketFile.Binding() {
                @Override
                public void bind(Path to) throws IOException {
                  socket.bind(new DomainSocketAddress(to.toString()));
                }

                @Override
                public void listen() throws IOException {
                  socket.listen(BACKLOG);
                }
              });
    } catch (IOException e) {
      socket.close();
      throw e;
    }
    var registered =
        bootstrap
            .channelFactory(() -> new EpollServerDomainSocketChannel(socket.intValue(), true))
            .register()
            .awaitUninterruptibly();
    if (!registered.isSuccess()) {
      // Netty has closed the channel, and the socket with it.
      name.close();
      throw new IOException(path + ": cannot listen", registered.cause());
    }
    return new UnixServer(name, registered.channel());
  }

  private static Socket socket(Path path) throws IOException {
    try {
      return Socket.newSocketDomain();
    } catch (ChannelException e) {
      // By which Netty says what is the kernel's to say: no descriptor is left.
      throw new IOException(path + ": " + e.getMessage(), e);
    }
  }

  /// Takes the name away and has the loop close the socket, for which it does not wait. Clients
  /// stay connected.
  @Override
  public void close() throws IOException {
    try {
      name.close();
    } finally {
      var _ = channel.close();
    }
  }
}
