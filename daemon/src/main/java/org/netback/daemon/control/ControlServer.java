package org.netback.daemon.control;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.loop.netty.UnixServer;

/// Serves [Routes] over HTTP on a Unix socket that only the daemon's own user may use.
///
/// One loop reads and writes for all clients, of which there are at most [#MAX_CLIENTS]. Endpoints
/// run on [#WORKERS] threads, so that some may take their time without holding up the others or a
/// frame; a client has one request at a time under way. Streams hold no thread.
public final class ControlServer implements AutoCloseable {
  /// Clients that are connected at a time; more are answered with 503.
  public static final int MAX_CLIENTS = 256;

  private static final int WORKERS = 4;
  private static final int READ_OCTETS = 16 << 10;
  private static final long WORKER_IDLE_SECONDS = 30;
  private static final long CLOSE_SECONDS = 5;

  private final NettyLoop loop;
  private final ThreadPoolExecutor workers;
  private final Clients clients;
  private final UnixServer server;

  private ControlServer(
      NettyLoop loop, ThreadPoolExecutor workers, Clients clients, UnixServer server) {
    this.loop = loop;
    this.workers = workers;
    this.clients = clients;
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
    ThreadPoolExecutor workers = workers(errors);
    Clients clients = new Clients(routes, workers, errors);
    try {
      return new ControlServer(
          loop, workers, clients, UnixServer.listen(socket, bootstrap(loop).childHandler(clients)));
    } catch (IOException e) {
      workers.shutdown();
      loop.close();
      throw new IOException("control: " + e.getMessage(), e);
    }
  }

  /// What all sockets of the daemon have in common: nothing is read that nobody asked for.
  static ServerBootstrap bootstrap(NettyLoop loop) {
    return new ServerBootstrap()
        .group(loop.ioEventLoop())
        .childOption(ChannelOption.AUTO_READ, false)
        .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
        .childOption(
            ChannelOption.RECVBUF_ALLOCATOR,
            new FixedRecvByteBufAllocator(READ_OCTETS).maxMessagesPerRead(1))
        .childOption(
            ChannelOption.WRITE_BUFFER_WATER_MARK,
            new WriteBufferWaterMark(Outlet.HIGH_WATER / 2, Outlet.HIGH_WATER));
  }

  private static ThreadPoolExecutor workers(InternalErrors errors) {
    AtomicInteger number = new AtomicInteger();
    ThreadPoolExecutor workers =
        new ThreadPoolExecutor(
            WORKERS,
            WORKERS,
            WORKER_IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task ->
                Thread.ofPlatform()
                    .daemon()
                    .name("control-worker-" + number.getAndIncrement())
                    .uncaughtExceptionHandler(errors::uncaught)
                    .unstarted(task));
    workers.allowCoreThreadTimeOut(true);
    return workers;
  }

  /// Takes no more clients, lets endpoints that are at work finish, sends their answers, and ends
  /// the streams.
  @Override
  public void close() throws IOException {
    try {
      server.close();
      workers.shutdown();
      if (!workers.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        workers.shutdownNow();
      }
      // The loop's end would cut what it has not come to yet.
      CompletableFuture.runAsync(clients::end, loop::execute).get(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException("control: clients' connections could not be ended", e);
    } finally {
      loop.close();
    }
  }

  /// Everybody who is connected. Confined to the loop.
  private static final class Clients extends ChannelInitializer<Channel> {
    private static final String TOO_MANY = "there are " + MAX_CLIENTS + " clients already";

    private final Routes routes;
    private final ThreadPoolExecutor workers;
    private final InternalErrors errors;
    private final Set<ClientConnection> connected = new HashSet<>();

    Clients(Routes routes, ThreadPoolExecutor workers, InternalErrors errors) {
      this.routes = routes;
      this.workers = workers;
      this.errors = errors;
    }

    @Override
    protected void initChannel(Channel child) {
      if (connected.size() == MAX_CLIENTS) {
        child.pipeline().addLast(new Refusal());
        return;
      }
      ClientConnection client = new ClientConnection(child, routes, workers, errors);
      connected.add(client);
      child.closeFuture().addListener(_ -> connected.remove(client));
      client.begin();
    }

    @Override
    public boolean isSharable() {
      return true;
    }

    void end() {
      // A copy, since a connection that ends leaves the set.
      List.copyOf(connected).forEach(ClientConnection::end);
    }

    /// Says so without a look at the request.
    private static final class Refusal extends ChannelInboundHandlerAdapter {
      @Override
      public void channelActive(ChannelHandlerContext context) {
        byte[] body = Reply.error(503, TOO_MANY).body().getBytes(StandardCharsets.UTF_8);
        String head =
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: "
                + body.length
                + "\r\nconnection: close\r\n\r\n";
        var _ =
            context
                .writeAndFlush(
                    Unpooled.wrappedBuffer(head.getBytes(StandardCharsets.US_ASCII), body))
                .addListener(ChannelFutureListener.CLOSE);
      }
    }
  }
}
