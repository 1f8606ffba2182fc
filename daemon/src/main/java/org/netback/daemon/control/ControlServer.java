package org.netback.daemon.control;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;

/// Serves [Routes] over HTTP on a Unix socket that only the daemon's own user may use. Requests are
/// answered one after the other on a thread of its own, so that an endpoint may take its time
/// without holding up a frame.
public final class ControlServer implements AutoCloseable {
  private static final int MAX_BODY = 64 << 10;
  private static final int MAX_IDLE_SECONDS = 30;

  private final Path socket;
  private final EventLoopGroup group;
  private final Channel channel;

  private ControlServer(Path socket, EventLoopGroup group, Channel channel) {
    this.socket = socket;
    this.group = group;
    this.channel = channel;
  }

  /// Starts to listen.
  ///
  /// @throws IOException the socket cannot be made, or another daemon listens on it
  public static ControlServer listen(Path socket, Routes routes) throws IOException {
    if (Files.exists(socket)) {
      if (answers(socket)) {
        throw new IOException(socket + ": another daemon is listening there");
      }
      Files.delete(socket); // left behind by a daemon that was killed
    }
    EventLoopGroup group =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("control", true), EpollIoHandler.newFactory());
    try {
      Channel channel =
          new ServerBootstrap()
              .group(group)
              .channel(EpollServerDomainSocketChannel.class)
              .childHandler(
                  new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel child) {
                      child
                          .pipeline()
                          .addLast(new ReadTimeoutHandler(MAX_IDLE_SECONDS))
                          .addLast(new HttpServerCodec())
                          .addLast(new HttpObjectAggregator(MAX_BODY))
                          .addLast(new RequestHandler(routes));
                    }
                  })
              .bind(new DomainSocketAddress(socket.toFile()))
              .syncUninterruptibly()
              .channel();
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
      return new ControlServer(socket, group, channel);
    } catch (Exception e) {
      var _ = group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      throw new IOException(socket + ": cannot listen: " + e.getMessage(), e);
    }
  }

  private static boolean answers(Path socket) {
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return probe.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void close() throws IOException {
    channel.close().syncUninterruptibly();
    Files.deleteIfExists(socket);
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  private static final class RequestHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private final Routes routes;

    RequestHandler(Routes routes) {
      this.routes = routes;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      Reply reply =
          request.decoderResult().isSuccess()
              ? routes.answer(
                  request.method().name(),
                  path(request.uri()),
                  request.content().toString(StandardCharsets.UTF_8))
              : Reply.error(400, "not an HTTP request");
      ByteBuf body = Unpooled.copiedBuffer(reply.body(), StandardCharsets.UTF_8);
      DefaultFullHttpResponse response =
          new DefaultFullHttpResponse(
              HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(reply.status()), body);
      response
          .headers()
          .set(HttpHeaderNames.CONTENT_TYPE, reply.contentType())
          .setInt(HttpHeaderNames.CONTENT_LENGTH, body.readableBytes());
      boolean keep = HttpUtil.isKeepAlive(request);
      HttpUtil.setKeepAlive(response, keep);
      var sent = context.writeAndFlush(response);
      if (!keep) {
        sent.addListener(ChannelFutureListener.CLOSE);
      }
    }

    private static String path(String uri) {
      int query = uri.indexOf('?');
      return query < 0 ? uri : uri.substring(0, query);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      var _ = context.close(); // the client went away or sent nothing for too long
    }
  }
}
