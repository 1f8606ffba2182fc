package org.netback.loop.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.InternalErrors;

/// A server that sends back what it gets, and its clients; one of them is the JDK's.
@Timeout(60)
class UnixStreamTest {
  private static final int LONG = 1 << 20;

  private final List<InternalErrors.Report> reports = new ArrayList<>();
  private final InternalErrors errors = new InternalErrors(System::nanoTime, reports::add);
  private final BlockingQueue<Channel> accepted = new LinkedBlockingQueue<>();

  private final Path socket;

  UnixStreamTest(@TempDir Path directory) {
    socket = directory.resolve("echo.sock");
  }

  private ServerBootstrap echo(NettyLoop loop) {
    return new ServerBootstrap()
        .group(loop.ioEventLoop())
        .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
        .childHandler(
            new ChannelInboundHandlerAdapter() {
              @Override
              public boolean isSharable() {
                return true;
              }

              @Override
              public void channelActive(ChannelHandlerContext ctx) {
                accepted.add(ctx.channel());
              }

              @Override
              public void channelRead(ChannelHandlerContext ctx, Object message) {
                var _ = ctx.writeAndFlush(message);
              }
            });
  }

  private static final class Heard implements UnixStream.Receiver {
    private final ByteArrayOutputStream octets = new ByteArrayOutputStream();
    private final int expected;
    private final CompletableFuture<byte[]> all = new CompletableFuture<>();
    private final CompletableFuture<String> end = new CompletableFuture<>();

    private Heard(int expected) {
      this.expected = expected;
    }

    @Override
    public void received(ByteBuffer part) {
      byte[] copy = new byte[part.remaining()];
      part.get(copy);
      octets.writeBytes(copy);
      if (octets.size() >= expected) {
        all.complete(octets.toByteArray());
      }
    }

    @Override
    public void closed(String reason) {
      end.complete(reason);
    }
  }

  private static byte[] pattern(int length) {
    byte[] octets = new byte[length];
    for (int i = 0; i < length; i++) {
      octets[i] = (byte) (i * 31 + (i >> 8));
    }
    return octets;
  }

  @Test
  void carriesOctetsBothWaysAndSaysWhoClosed() throws Exception {
    try (NettyLoop loop = NettyLoop.start("echo", 0, errors);
        UnixServer _ = UnixServer.listen(socket, echo(loop))) {
      Heard heard = new Heard(LONG);
      UnixStream stream = UnixStream.connect(loop, socket, "echo");
      stream.start(heard);
      byte[] sent = pattern(LONG);
      stream.send(ByteBuffer.wrap(sent, 0, 1000));
      stream.send(ByteBuffer.wrap(sent, 1000, LONG - 1000).slice());
      assertThat(heard.all.get(30, TimeUnit.SECONDS)).isEqualTo(sent);
      stream.close();
      stream.close();
      assertThat(heard.end.get(30, TimeUnit.SECONDS)).isEqualTo("closed by this side");

      Heard second = new Heard(1);
      UnixStream other = UnixStream.connect(loop, socket, "echo");
      other.start(second);
      var _ = accepted.take();
      var _ = accepted.take().close();
      assertThat(second.end.get(30, TimeUnit.SECONDS)).isEqualTo("closed by echo");
    }
    assertThat(reports).isEmpty();
  }

  /// Netty forgets a descriptor that waits for nothing, and then could not write the rest.
  @Test
  void aClientThatHasEndedItsHalfGetsTheRest() throws Exception {
    try (NettyLoop loop = NettyLoop.start("echo", 0, errors);
        UnixServer _ = UnixServer.listen(socket, echo(loop));
        SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      byte[] sent = pattern(1000);
      client.write(ByteBuffer.wrap(sent));
      ByteBuffer back = ByteBuffer.allocate(LONG + 1000);
      while (back.position() < sent.length) {
        client.read(back);
      }
      client.shutdownOutput();
      Channel peer = accepted.take();
      // More than a socket holds.
      ByteBuf more = peer.alloc().buffer(LONG).writeBytes(pattern(LONG));
      var written = peer.writeAndFlush(more);
      while (back.hasRemaining() && client.read(back) >= 0) {
        assertThat(back.position()).isPositive();
      }
      assertThat(back.position()).isEqualTo(LONG + 1000);
      assertThat(written.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(written.isSuccess()).isTrue();
      var _ = peer.close();
    }
  }

  @Test
  void aReceiverThatThrowsEndsItsStreamAlone() throws Exception {
    try (NettyLoop loop = NettyLoop.start("echo", 0, errors);
        UnixServer _ = UnixServer.listen(socket, echo(loop))) {
      UnixStream stream = UnixStream.connect(loop, socket, "echo");
      CompletableFuture<String> end = new CompletableFuture<>();
      stream.start(
          new UnixStream.Receiver() {
            @Override
            public void received(ByteBuffer octets) {
              throw new IllegalStateException("not this");
            }

            @Override
            public void closed(String reason) {
              end.complete(reason);
            }
          });
      stream.send(ByteBuffer.wrap("word".getBytes(StandardCharsets.UTF_8)));
      assertThat(end.get(30, TimeUnit.SECONDS)).contains("not this");
      assertThat(reports).singleElement().asString().contains("connection to echo");
      Heard heard = new Heard(4);
      UnixStream next = UnixStream.connect(loop, socket, "echo");
      next.start(heard);
      next.send(ByteBuffer.wrap("word".getBytes(StandardCharsets.UTF_8)));
      assertThat(heard.all.get(30, TimeUnit.SECONDS))
          .asString(StandardCharsets.UTF_8)
          .isEqualTo("word");
      next.close();
    }
  }

  @Test
  void saysWhereItCannotConnect() throws Exception {
    try (NettyLoop loop = NettyLoop.start("echo", 0, errors)) {
      assertThatThrownBy(() -> UnixStream.connect(loop, socket, "echo"))
          .isInstanceOf(IOException.class)
          .hasMessage("connect to echo at " + socket);
      CompletableFuture<Throwable> thrown = new CompletableFuture<>();
      loop.execute(
          () -> {
            try {
              UnixStream.connect(loop, socket, "echo");
            } catch (IOException | IllegalStateException e) {
              thrown.complete(e);
            }
          });
      assertThat(thrown.get(30, TimeUnit.SECONDS))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("would wait for its own loop");
    }
  }

  @Test
  void theNameIsTheServersAlone() throws Exception {
    try (NettyLoop loop = NettyLoop.start("echo", 0, errors)) {
      UnixServer server = UnixServer.listen(socket, echo(loop));
      assertThatThrownBy(() -> UnixServer.listen(socket, echo(loop)))
          .isInstanceOf(IOException.class);
      server.close();
      assertThat(socket).doesNotExist();
      assertThatThrownBy(() -> SocketChannel.open(UnixDomainSocketAddress.of(socket)).close())
          .isInstanceOf(IOException.class);

      Files.writeString(socket, "somebody's");
      assertThatThrownBy(() -> UnixServer.listen(socket, echo(loop)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(socket.toString());
      assertThat(socket).content().isEqualTo("somebody's");
    }
  }

  @Test
  void aLoopThatHasEndedTakesNoServer() throws Exception {
    NettyLoop ended = NettyLoop.start("echo", 0, errors);
    ended.close();
    assertThatThrownBy(() -> UnixServer.listen(socket, echo(ended)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot listen");
    assertThat(socket).doesNotExist();
  }
}
