package org.netback.xen.embedded.xenstored;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class XenstoredTest {
  @TempDir Path directory;

  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final Xenstored xenstored = new Xenstored(group.next());
  private Path socket = Path.of("/nowhere");

  @BeforeEach
  void listen() throws IOException {
    socket = directory.resolve("socket");
    xenstored.listen(socket, 0);
  }

  @AfterEach
  void stop() {
    xenstored.close();
    group.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
  }

  @Test
  void readsWhatWasWritten() throws IOException {
    try (RawClient client = new RawClient(socket)) {
      client.ok(Operation.WRITE, "/a/b\0value");
      assertThat(client.ok(Operation.READ, "/a/b\0")).isEqualTo("value");
      assertThat(client.ok(Operation.READ, "/a\0")).isEmpty();
      assertThat(client.ok(Operation.DIRECTORY, "/\0")).isEqualTo("a\0tool\0");
      client.ok(Operation.RM, "/a\0");
      assertThat(client.call(0, Operation.READ, "/a/b\0").payload()).isEqualTo("ENOENT\0");
    }
  }

  @Test
  void tellsAWatcherOfItsPathAtOnceAndOfChangesBelowIt() throws IOException {
    try (RawClient client = new RawClient(socket);
        RawClient writer = new RawClient(socket)) {
      client.ok(Operation.WATCH, "/a\0token\0");
      assertThat(client.event()).isEqualTo("/a\0token\0");
      writer.ok(Operation.WRITE, "/a/b\0value");
      assertThat(client.event()).isEqualTo("/a/b\0token\0");
      writer.ok(Operation.RM, "/a\0");
      assertThat(client.event()).isEqualTo("/a\0token\0");
    }
  }

  @Test
  void refusesACommitAfterAChangeOfWhatTheTransactionRead() throws IOException {
    try (RawClient one = new RawClient(socket);
        RawClient other = new RawClient(socket)) {
      one.ok(Operation.WRITE, "/counter\0001");
      int transaction = start(one);
      assertThat(one.ok(transaction, Operation.READ, "/counter\0")).isEqualTo("1");
      other.ok(Operation.WRITE, "/counter\0002");
      assertThat(one.ok(transaction, Operation.READ, "/counter\0")).isEqualTo("1");
      one.ok(transaction, Operation.WRITE, "/counter\0003");
      assertThat(one.call(transaction, Operation.TRANSACTION_END, "T\0").payload())
          .isEqualTo("EAGAIN\0");
      assertThat(one.ok(Operation.READ, "/counter\0")).isEqualTo("2");
    }
  }

  private static int start(RawClient client) throws IOException {
    String id = client.ok(Operation.TRANSACTION_START, "\0");
    return Integer.parseUnsignedInt(id.substring(0, id.length() - 1));
  }

  @Test
  void makesSocketsThatOnlyItsUserCanOpenAndRemovesThem() throws IOException {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rw-------");
    xenstored.close();
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void takesTheSocketOfADeadDaemonButNotOfALiveOne() throws IOException {
    Path stale = directory.resolve("stale");
    try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      dead.bind(UnixDomainSocketAddress.of(stale));
    }
    xenstored.listen(stale, 0);
    try (RawClient client = new RawClient(stale)) {
      assertThat(client.ok(Operation.DIRECTORY, "/\0")).isEqualTo("tool\0");
    }
    assertThatThrownBy(() -> xenstored.listen(stale, 0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("another xenstored listens there");
    Path file = Files.createFile(directory.resolve("file"));
    assertThatThrownBy(() -> xenstored.listen(file, 0)).hasMessageContaining("no socket");
  }
}
