package org.netback.loop.netty;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.AttributeKey;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.netback.loop.InternalErrors;

/// A connection to the Unix socket of a server, as a stream of octets. Its loop delivers.
public final class UnixStream implements AutoCloseable {
  private static final String CLOSED_HERE = "closed by this side";
  private static final AttributeKey<String> REASON =
      AttributeKey.valueOf(UnixStream.class, "reason");

  private final String server;
  private final Channel channel;
  private final InternalErrors errors;

  private UnixStream(String server, Channel channel, InternalErrors errors) {
    this.server = server;
    this.channel = channel;
    this.errors = errors;
  }

  /// Who is told what comes, on the stream's loop.
  public interface Receiver {
    /// @param octets valid during the call
    void received(ByteBuffer octets);

    /// Nothing more comes. Called once.
    void closed(String reason);
  }

  /// Connects. Not to be called on the loop, since it waits for it. Nothing is read before
  /// [#start].
  ///
  /// @param server for messages
  public static UnixStream connect(NettyLoop loop, Path socket, String server) throws IOException {
    if (loop.inLoop()) {
      throw new IllegalStateException("connect to " + socket + " would wait for its own loop");
    }
    ChannelFuture connected =
        new Bootstrap()
            .group(loop.ioEventLoop())
            .channel(EpollDomainSocketChannel.class)
            // Nothing is read before start() has said to whom it goes.
            .option(ChannelOption.AUTO_READ, false)
            .handler(new ChannelInboundHandlerAdapter())
            .connect(new DomainSocketAddress(socket.toString()));
    connected.awaitUninterruptibly();
    if (!connected.isSuccess()) {
      throw new IOException("connect to " + server + " at " + socket, connected.cause());
    }
    return new UnixStream(server, connected.channel(), loop.errors());
  }

  /// Begins to deliver; once.
  public void start(Receiver receiver) {
    channel.pipeline().addLast(new Delivery("connection to " + server, receiver, errors));
    channel.closeFuture().addListener(closed -> receiver.closed(reason()));
    channel.config().setAutoRead(true);
  }

  /// Sends the octets, which are the stream's from now on. Any thread, in the order of calls.
  public void send(ByteBuffer octets) {
    var _ = channel.writeAndFlush(Unpooled.wrappedBuffer(octets), channel.voidPromise());
  }

  /// Any thread; idempotent.
  @Override
  public void close() {
    channel.attr(REASON).setIfAbsent(CLOSED_HERE);
    var _ = channel.close();
  }

  private String reason() {
    String reason = channel.attr(REASON).get();
    return reason == null ? "closed by " + server : reason;
  }

  private static final class Delivery extends ChannelInboundHandlerAdapter {
    private final String owner;
    private final Receiver receiver;
    private final InternalErrors errors;

    private Delivery(String owner, Receiver receiver, InternalErrors errors) {
      this.owner = owner;
      this.receiver = receiver;
      this.errors = errors;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
      ByteBuf octets = (ByteBuf) message;
      try {
        receiver.received(octets.nioBuffer());
      } finally {
        ReferenceCountUtil.release(octets);
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      if (!(cause instanceof IOException)) {
        // Thrown by the receiver, which has lost its place in the stream.
        errors.record(owner, cause);
      }
      ctx.channel().attr(REASON).setIfAbsent(String.valueOf(cause));
      var _ = ctx.close();
    }
  }
}
