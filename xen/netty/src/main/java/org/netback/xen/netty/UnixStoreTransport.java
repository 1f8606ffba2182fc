package org.netback.xen.netty;

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
import org.netback.xen.event.InternalErrors;
import org.netback.xen.store.StoreTransport;

/// A connection to xenstored's Unix socket. Its loop delivers, and so must not be one on which
/// calls of the store are made.
public final class UnixStoreTransport implements StoreTransport {
  private static final String CLOSED_HERE = "closed by this side";
  private static final AttributeKey<String> REASON =
      AttributeKey.valueOf(UnixStoreTransport.class, "reason");

  private final Channel channel;
  private final InternalErrors errors;

  private UnixStoreTransport(Channel channel, InternalErrors errors) {
    this.channel = channel;
    this.errors = errors;
  }

  /// Connects. Not to be called on the loop, since it waits for it.
  public static UnixStoreTransport connect(NettyLoop loop, Path socket) throws IOException {
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
      throw new IOException("connect to xenstored at " + socket, connected.cause());
    }
    return new UnixStoreTransport(connected.channel(), loop.errors());
  }

  @Override
  public void start(Receiver receiver) {
    channel.pipeline().addLast(new Delivery(receiver, errors));
    channel.closeFuture().addListener(closed -> receiver.closed(reasonOf(channel)));
    channel.config().setAutoRead(true);
  }

  @Override
  public void send(ByteBuffer octets) {
    var _ = channel.writeAndFlush(Unpooled.wrappedBuffer(octets), channel.voidPromise());
  }

  @Override
  public void close() {
    channel.attr(REASON).setIfAbsent(CLOSED_HERE);
    var _ = channel.close();
  }

  private static String reasonOf(Channel channel) {
    String reason = channel.attr(REASON).get();
    return reason == null ? "closed by xenstored" : reason;
  }

  private static final class Delivery extends ChannelInboundHandlerAdapter {
    private final Receiver receiver;
    private final InternalErrors errors;

    private Delivery(Receiver receiver, InternalErrors errors) {
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
        errors.record("connection to xenstored", cause);
      }
      ctx.channel().attr(REASON).setIfAbsent(String.valueOf(cause));
      var _ = ctx.close();
    }
  }
}
