package org.netback.daemon.control;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.timeout.ReadTimeoutException;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.loop.netty.UnixServer;

/// Serves [Routes] over HTTP on a Unix socket that only the daemon's own user may use. Requests are
/// answered one after the other on a thread of its own, so that an endpoint may take its time
/// without holding up a frame.
public final class ControlServer implements AutoCloseable {
  private static final int MAX_BODY = 64 << 10;
  private static final int MAX_IDLE_SECONDS = 30;

  private final NettyLoop loop;
  private final UnixServer server;

  private ControlServer(NettyLoop loop, UnixServer server) {
    this.loop = loop;
    this.server = server;
  }

  /// Starts to listen.
  ///
  /// @param errors where what escapes an endpoint or the server itself is recorded
  /// @throws IOException the socket cannot be made, something else has its name, or somebody
  ///   listens on it
  public static ControlServer listen(Path socket, Routes routes, InternalErrors errors)
      throws IOException {
    NettyLoop loop = NettyLoop.start("control", 0, errors);
    try {
      return new ControlServer(
          loop,
          UnixServer.listen(
              socket,
              new ServerBootstrap()
                  .group(loop.ioEventLoop())
                  .childHandler(
                      new ChannelInitializer<Channel>() {
                        @Override
                        protected void initChannel(Channel child) {
                          child
                              .pipeline()
                              .addLast(new ReadTimeoutHandler(MAX_IDLE_SECONDS))
                              .addLast(new HttpServerCodec())
                              .addLast(new HttpObjectAggregator(MAX_BODY))
                              .addLast(new RequestHandler(routes, errors));
                        }
                      })));
    } catch (IOException e) {
      loop.close();
      throw new IOException("control: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      server.close();
    } finally {
      loop.close();
    }
  }

  private static final class RequestHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private final Routes routes;
    private final InternalErrors errors;

    RequestHandler(Routes routes, InternalErrors errors) {
      this.routes = routes;
      this.errors = errors;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      boolean understood = request.decoderResult().isSuccess();
      Reply reply =
          understood
              ? routes.answer(
                  request.method().name(),
                  request.uri(),
                  request.content().toString(StandardCharsets.UTF_8),
                  errors)
              : misunderstood(request.decoderResult().cause());
      ByteBuf body = Unpooled.copiedBuffer(reply.body(), StandardCharsets.UTF_8);
      DefaultFullHttpResponse response =
          new DefaultFullHttpResponse(
              HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(reply.status()), body);
      response
          .headers()
          .set(HttpHeaderNames.CONTENT_TYPE, reply.contentType())
          .setInt(HttpHeaderNames.CONTENT_LENGTH, body.readableBytes());
      boolean keep = understood && HttpUtil.isKeepAlive(request);
      HttpUtil.setKeepAlive(response, keep);
      var sent = context.writeAndFlush(response);
      if (!keep) {
        sent.addListener(ChannelFutureListener.CLOSE);
      }
    }

    private static Reply misunderstood(Throwable cause) {
      return switch (cause) {
        case TooLongHttpLineException _ -> Reply.error(414, "the request's first line is too long");
        case TooLongHttpHeaderException _ -> Reply.error(431, "the request's head is too long");
        default -> Reply.error(400, "not an HTTP request");
      };
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      if (!(cause instanceof IOException || cause instanceof ReadTimeoutException)) {
        // Not by the client's going away or sending nothing for too long.
        errors.record("control API", cause);
      }
      var _ = context.close();
    }
  }
}
