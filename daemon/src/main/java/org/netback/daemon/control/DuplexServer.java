package org.netback.daemon.control;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.loop.netty.UnixServer;

/// A Unix socket that only the daemon's own user may use, which carries raw octets both ways from
/// the first one on. Each client has a [Duplex] of its own, whose methods are called on the
/// server's loop. Any thread.
public final class DuplexServer implements AutoCloseable {
  private final UnixServer server;

  private DuplexServer(UnixServer server) {
    this.server = server;
  }

  /// Starts to listen. Waits for the loop, and therefore is not called on it.
  ///
  /// @param most clients at a time; another is told so, and its connection ended
  /// @throws IOException the socket cannot be made, something else has its name, or somebody
  ///   listens on it
  public static DuplexServer listen(
      Path socket, NettyLoop loop, int most, Supplier<Duplex> duplexes) throws IOException {
    return new DuplexServer(
        UnixServer.listen(
            socket,
            ControlServer.bootstrap(loop)
                .childHandler(new Clients(most, duplexes, loop.errors()))));
  }

  /// Takes the name away, and no more clients. Those who are there stay connected until their
  /// duplexes end it.
  @Override
  public void close() throws IOException {
    server.close();
  }

  /// Makes a duplex of each client. Confined to the loop.
  private static final class Clients extends ChannelInitializer<Channel> {
    private final int most;
    private final Supplier<Duplex> duplexes;
    private final InternalErrors errors;
    private int connected;

    Clients(int most, Supplier<Duplex> duplexes, InternalErrors errors) {
      this.most = most;
      this.duplexes = duplexes;
      this.errors = errors;
    }

    @Override
    protected void initChannel(Channel child) {
      if (connected == most) {
        child.pipeline().addLast(new Refusal("there are " + most + " clients already\r\n"));
        return;
      }
      connected++;
      child.closeFuture().addListener(_ -> connected--);
      child.pipeline().addLast(new DuplexConnection(child, duplexes.get(), errors, false));
    }

    @Override
    public boolean isSharable() {
      return true;
    }
  }

  private static final class Refusal extends ChannelInboundHandlerAdapter {
    private final String reason;

    Refusal(String reason) {
      this.reason = reason;
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
      var _ =
          context
              .writeAndFlush(Unpooled.copiedBuffer(reason, StandardCharsets.US_ASCII))
              .addListener(ChannelFutureListener.CLOSE);
    }
  }
}
