package org.netback.daemon.control;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.timeout.ReadTimeoutException;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.netback.loop.InternalErrors;

/// One client of the control API. It asks one request after the other; a request that is answered
/// by a stream, or turns the connection into one, is its last. Confined to the control API's loop,
/// which hands requests to the workers and gets their replies back.
final class ClientConnection extends ChannelInboundHandlerAdapter {
  private static final int MAX_BODY = 64 << 10;
  private static final int MAX_IDLE_SECONDS = 30;
  private static final int MAX_AHEAD = 256;

  private final Channel channel;
  private final Routes routes;
  private final Executor workers;
  private final InternalErrors errors;

  /// Requests that were sent ahead.
  private final Deque<FullHttpRequest> ahead = new ArrayDeque<>();

  private State state = new Waiting();
  private boolean inputEnded;

  /// What becomes of the connection now.
  private sealed interface State {}

  /// For a request.
  private record Waiting() implements State {}

  /// A worker is at it.
  private record Answering() implements State {}

  /// An answer comes as its data does.
  private record Streaming(StreamSource source, Outlet outlet) implements State {}

  /// Raw octets both ways, by another handler.
  private record Upgraded(DuplexConnection connection) implements State {}

  /// Nothing that comes now matters.
  private record Over() implements State {}

  /// What a reply has to know of its request.
  private record Head(boolean keep, HttpVersion version, String upgrade) {
    static Head of(FullHttpRequest request) {
      boolean upgrades =
          request
              .headers()
              .containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true);
      return new Head(
          HttpUtil.isKeepAlive(request),
          request.protocolVersion(),
          upgrades ? request.headers().get(HttpHeaderNames.UPGRADE, "") : "");
    }
  }

  ClientConnection(Channel channel, Routes routes, Executor workers, InternalErrors errors) {
    this.channel = channel;
    this.routes = routes;
    this.workers = workers;
    this.errors = errors;
  }

  void begin() {
    channel
        .pipeline()
        .addLast(new ReadTimeoutHandler(MAX_IDLE_SECONDS))
        .addLast(new HttpServerCodec())
        .addLast(new HttpObjectAggregator(MAX_BODY))
        .addLast(this);
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    context.read();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    try {
      switch (message) {
        case FullHttpRequest request when state instanceof Waiting -> accept(context, request);
        case FullHttpRequest request when state instanceof Answering && ahead.size() < MAX_AHEAD ->
            ahead.add(request.retain());
        case FullHttpRequest _ when state instanceof Answering -> {
          var _ = context.close();
        }
        default -> {} // a client of a stream has nothing to say
      }
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  /// Reads on until there is a request; a body that is too long is read to its end.
  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    if (state instanceof Waiting) {
      context.read();
    }
  }

  private void accept(ChannelHandlerContext context, FullHttpRequest request) {
    context.pipeline().remove(ReadTimeoutHandler.class);
    state = new Answering();
    if (!request.decoderResult().isSuccess()) {
      answer(context, false, misunderstood(request.decoderResult().cause()));
      return;
    }
    String method = request.method().name();
    String target = request.uri();
    String body = request.content().toString(StandardCharsets.UTF_8);
    Head head = Head.of(request);
    try {
      workers.execute(
          () -> {
            Reply reply = routes.answer(method, target, body, errors);
            try {
              context.executor().execute(() -> reply(context, head, reply));
            } catch (RejectedExecutionException e) {
              return; // the server has closed, and this connection with it
            }
          });
    } catch (RejectedExecutionException e) {
      var _ = context.close(); // likewise
    }
  }

  private static Reply.Whole misunderstood(Throwable cause) {
    return switch (cause) {
      case TooLongHttpLineException _ -> Reply.error(414, "the request's first line is too long");
      case TooLongHttpHeaderException _ -> Reply.error(431, "the request's head is too long");
      default -> Reply.error(400, "not an HTTP request");
    };
  }

  private void reply(ChannelHandlerContext context, Head head, Reply reply) {
    if (!channel.isActive()) {
      return; // nobody is there, and no stream has begun
    }
    switch (reply) {
      case Reply.Whole whole -> answer(context, head.keep, whole);
      case Reply.Stream stream -> stream(context, head, stream);
      case Reply.Upgrade upgrade when head.upgrade.equalsIgnoreCase(upgrade.protocol()) ->
          upgrade(context, upgrade);
      case Reply.Upgrade upgrade -> {
        DefaultFullHttpResponse response =
            response(
                Reply.error(
                    426, "this is no request: it takes \"Upgrade: " + upgrade.protocol() + '"'));
        response
            .headers()
            .set(HttpHeaderNames.UPGRADE, upgrade.protocol())
            .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
        answer(context, false, response);
      }
    }
  }

  private static DefaultFullHttpResponse response(Reply.Whole reply) {
    ByteBuf body = Unpooled.copiedBuffer(reply.body(), StandardCharsets.UTF_8);
    DefaultFullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(reply.status()), body);
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, reply.contentType())
        .setInt(HttpHeaderNames.CONTENT_LENGTH, body.readableBytes());
    return response;
  }

  private void answer(ChannelHandlerContext context, boolean keep, Reply.Whole reply) {
    DefaultFullHttpResponse response = response(reply);
    HttpUtil.setKeepAlive(response, keep);
    answer(context, keep, response);
  }

  private void answer(
      ChannelHandlerContext context, boolean keep, DefaultFullHttpResponse response) {
    var sent = context.writeAndFlush(response);
    context.pipeline().addFirst(new ReadTimeoutHandler(MAX_IDLE_SECONDS));
    if (!keep) {
      state = new Over();
      sent.addListener(ChannelFutureListener.CLOSE);
      return;
    }
    state = new Waiting();
    if (!ahead.isEmpty()) {
      FullHttpRequest next = ahead.remove();
      accept(context, next);
      next.release();
    } else if (inputEnded) {
      sent.addListener(ChannelFutureListener.CLOSE);
    } else {
      context.read();
    }
  }

  private void stream(ChannelHandlerContext context, Head head, Reply.Stream stream) {
    HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, stream.contentType())
        .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE)
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    HttpUtil.setTransferEncodingChunked(response, head.version.equals(HttpVersion.HTTP_1_1));
    var _ = context.writeAndFlush(response);
    Outlet outlet = new Outlet(channel, Outlet.Framing.HTTP, () -> {});
    state = new Streaming(stream.source(), outlet);
    guard(context, () -> stream.source().onOpen(outlet));
    if (inputEnded) {
      var _ = context.close();
    } else {
      // To hear of the client's end.
      channel.config().setAutoRead(true);
    }
  }

  private void upgrade(ChannelHandlerContext context, Reply.Upgrade upgrade) {
    HttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS, Unpooled.EMPTY_BUFFER);
    response
        .headers()
        .set(HttpHeaderNames.UPGRADE, upgrade.protocol())
        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE);
    var _ = context.writeAndFlush(response);
    DuplexConnection connection =
        new DuplexConnection(channel, upgrade.duplex(), errors, inputEnded);
    state = new Upgraded(connection);
    // Before anything is written: the codec takes raw octets for an answer that is none.
    ChannelPipeline pipeline = context.pipeline();
    pipeline.replace(this, null, connection);
    pipeline.remove(HttpObjectAggregator.class);
    // Hands on what it has read beyond the request.
    pipeline.remove(HttpServerCodec.class);
    connection.open();
    if (!ahead.isEmpty()) {
      // Octets that came before they were asked for, and were taken for HTTP.
      releaseAhead();
      var _ = channel.close();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      inputEnded = true;
      switch (state) {
        case Answering _, Over _, Upgraded _ -> {} // the answer is still wanted
        case Waiting _, Streaming _ -> {
          var _ = context.close();
        }
      }
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (channel.isWritable()) {
      switch (state) {
        case Streaming streaming -> guard(context, streaming.source::onRoom);
        case Waiting _, Answering _, Upgraded _, Over _ -> {}
      }
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    State last = state;
    state = new Over();
    releaseAhead();
    switch (last) {
      case Streaming streaming -> guard(context, streaming.source::onClosed);
      case Waiting _, Answering _, Upgraded _, Over _ -> {}
    }
  }

  private void releaseAhead() {
    ahead.forEach(FullHttpRequest::release);
    ahead.clear();
  }

  /// Ends a stream in order, and then the connection: what the client has not taken by now is cut.
  void end() {
    switch (state) {
      case Streaming streaming -> streaming.outlet.close();
      case Upgraded upgraded -> upgraded.connection.end();
      case Waiting _, Answering _, Over _ -> {}
    }
    var _ = channel.close();
  }

  private void guard(ChannelHandlerContext context, Runnable callback) {
    try {
      callback.run();
    } catch (Throwable e) {
      errors.record("control API", e);
      var _ = context.close();
    }
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
