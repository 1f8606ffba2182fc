package org.netback.xen.embedded.xenstored;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.InternalErrors;

@Timeout(60)
class XenstoredTest {
  @TempDir Path directory;

  private final MultiThreadIoEventLoopGroup group =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final Xenstored xenstored =
      new Xenstored(group.next(), new InternalErrors(System::nanoTime));
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
        .hasMessageContaining("another process is listening there");
    Path file = Files.createFile(directory.resolve("file"));
    assertThatThrownBy(() -> xenstored.listen(file, 0))
        .hasMessageContaining("is a regular file and stays");
  }

  @Test
  void aClientThatNeverReadsStallsOnlyItself() throws IOException {
    try (RawClient greedy = new RawClient(socket);
        RawClient other = new RawClient(socket)) {
      byte[] request = RawClient.frame(Operation.DIRECTORY.type(), 1, 0, "/tool\0");
      ByteBuffer many = ByteBuffer.allocate(1000 * request.length);
      while (many.hasRemaining()) {
        many.put(request);
      }
      greedy.socket().configureBlocking(false);
      long sent = 0;
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      // Taken in until its replies fill its socket, and then no more: as long as the other client
      // is
      // served in between, the store has had its chance to read more.
      for (int stalled = 0; stalled < 200; ) {
        int written = greedy.socket().write(many);
        if (!many.hasRemaining()) {
          many.rewind();
        }
        sent += written;
        stalled = written == 0 ? stalled + 1 : 0;
        assertThat(other.ok(Operation.READ, "/tool\0")).isEmpty();
        assertThat(System.nanoTime()).isLessThan(deadline);
      }
      assertThat(sent).isLessThan(4 << 20);
      greedy.socket().configureBlocking(true);
      for (long i = 0; i < sent / request.length; i++) {
        assertThat(greedy.receive().payload()).isEqualTo("xenstored\0");
      }
    }
  }

  @Test
  void connectionsDroppedWithinAMessageLeaveNothing() throws IOException {
    xenstored.listen(directory.resolve("guest"), 3);
    byte[] request = RawClient.frame(Operation.WRITE.type(), 1, 0, "/local/domain/3/x\0value");
    for (int i = 0; i < 300; i++) {
      try (RawClient client = new RawClient(directory.resolve("guest"))) {
        client.ok(Operation.WATCH, "x\0token\0");
        client.ok(Operation.TRANSACTION_START, "\0");
        client.send(Arrays.copyOf(request, 1 + i % (request.length - 1)));
      }
    }
    // More watches, transactions and connections than a guest may have at a time.
    try (RawClient client = new RawClient(directory.resolve("guest"))) {
      for (int i = 0; i < 10; i++) {
        client.ok(Operation.TRANSACTION_START, "\0");
      }
    }
  }

  @Test
  void releasingADomainEndsItsConnectionsAndItsSocket() throws IOException {
    Path guest = directory.resolve("guest");
    xenstored.listen(guest, 3);
    xenstored.introduce(3);
    assertThat(xenstored.isIntroduced(3)).isTrue();
    try (RawClient client = new RawClient(guest)) {
      client.ok(Operation.GET_DOMAIN_PATH, "3\0");
      xenstored.release(3);
      assertThat(guest).doesNotExist();
      assertThatThrownBy(client::receive).isInstanceOf(EOFException.class);
    }
    assertThat(xenstored.isIntroduced(3)).isFalse();
    xenstored.listen(guest, 3);
    try (RawClient client = new RawClient(guest)) {
      client.ok(Operation.GET_DOMAIN_PATH, "3\0");
    }
  }

  @Test
  void servesGuestAfterGuest() throws IOException {
    try (RawClient control = new RawClient(socket)) {
      for (int i = 0; i < 500; i++) {
        int domid = 1 + i % 50;
        Path guest = directory.resolve("guest-" + domid);
        xenstored.listen(guest, domid);
        String home = "/local/domain/" + domid;
        control.ok(Operation.MKDIR, home + '\0');
        control.ok(Operation.SET_PERMS, home + "\0n" + domid + '\0');
        xenstored.introduce(domid);
        try (RawClient client = new RawClient(guest)) {
          client.ok(Operation.WRITE, "device/vif/0/state\0001");
          client.ok(Operation.WATCH, "device\0token\0");
        }
        xenstored.release(domid);
        assertThat(control.call(0, Operation.READ, home + '\0').payload()).isEqualTo("ENOENT\0");
      }
      assertThat(control.ok(Operation.DIRECTORY, "/local/domain\0")).isEmpty();
    }
  }
}
