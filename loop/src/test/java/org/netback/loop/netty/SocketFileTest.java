package org.netback.loop.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SocketFileTest {
  @TempDir Path directory = Path.of("");

  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable part : open.reversed()) {
      part.close();
    }
  }

  private SocketFile make(Path path) throws IOException {
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    open.add(channel);
    SocketFile file =
        SocketFile.make(
            path,
            new SocketFile.Binding() {
              @Override
              public void bind(Path to) throws IOException {
                channel.bind(UnixDomainSocketAddress.of(to));
              }

              @Override
              public void listen() {}
            });
    open.add(file);
    return file;
  }

  private static void connect(Path path) throws IOException {
    try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      assertThat(client.isConnected()).isTrue();
    }
  }

  private void refuses(Path path, String kind) throws IOException {
    List<String> before = listing();
    assertThatThrownBy(() -> make(path))
        .isInstanceOf(IOException.class)
        .hasMessage(
            path + " is " + kind + " and stays: remove it, or name another place for the socket");
    assertThat(listing()).isEqualTo(before);
  }

  /// What lies in the directory: names, kinds and numbers.
  private List<String> listing() throws IOException {
    List<String> lines = new ArrayList<>();
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted().toList()) {
        lines.add(
            file
                + " "
                + Files.readAttributes(file, "unix:mode,ino,size", LinkOption.NOFOLLOW_LINKS));
      }
    }
    return lines;
  }

  @Test
  void leavesWhatIsNoSocketAndNamesIt() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "kept");
    refuses(file, "a regular file");
    refuses(Files.createFile(directory.resolve("empty")), "a regular file");
    refuses(Files.createDirectory(directory.resolve("directory")), "a directory");
    refuses(Files.createSymbolicLink(directory.resolve("link"), file), "a symbolic link");
    refuses(
        Files.createSymbolicLink(directory.resolve("dangling"), Path.of("nowhere")),
        "a symbolic link");
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    refuses(fifo, "a FIFO");
    refuses(Path.of("/dev/null"), "a device");
    assertThat(file).hasContent("kept");
  }

  @Test
  void leavesASocketThatSomebodyListensOn() throws Exception {
    Path live = directory.resolve("live");
    make(live);
    assertThatThrownBy(() -> make(live)).hasMessage(live + ": another process is listening there");
    connect(live);

    Path datagrams = directory.resolve("datagrams");
    Epoll.ensureAvailability();
    Socket socket = Socket.newSocketDomainDgram();
    open.add(socket::close);
    socket.bind(new DomainSocketAddress(datagrams.toString()));
    assertThatThrownBy(() -> make(datagrams))
        .hasMessage(datagrams + ": another process is listening there");
    assertThat(datagrams).exists();
  }

  /// A program that is stopped, or too slow, does not accept: its queue is full.
  @Test
  void leavesASocketWhoseQueueIsFull() throws Exception {
    Path busy = directory.resolve("busy");
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    open.add(channel);
    channel.bind(UnixDomainSocketAddress.of(busy), 1);
    assertThatThrownBy(
            () -> {
              while (true) {
                SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
                open.add(client);
                client.configureBlocking(false);
                boolean _ = client.connect(UnixDomainSocketAddress.of(busy));
              }
            })
        .hasMessageContaining("temporarily unavailable");
    assertThatThrownBy(() -> make(busy)).hasMessage(busy + ": another process is listening there");
    assertThat(busy).exists();
  }

  @Test
  void replacesTheSocketOfADeadProcess() throws Exception {
    Path dead = directory.resolve("dead");
    try (ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.bind(UnixDomainSocketAddress.of(dead));
    }
    try (SocketFile _ = make(dead)) {
      connect(dead);
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(dead)))
          .isEqualTo("rw-------");
    }
    assertThat(dead).doesNotExist();
  }

  @Test
  void takesAwayNothingButItsOwnSocket() throws Exception {
    Path path = directory.resolve("socket");
    SocketFile first = make(path);
    Files.delete(path);
    SocketFile second = make(path);
    first.close();
    connect(path);
    Files.delete(path);
    Files.writeString(path, "somebody else's");
    second.close();
    assertThat(path).hasContent("somebody else's");
  }

  @Test
  void takesThePathsThatFitASocketsAddress() throws Exception {
    int room = SocketFile.MAX_OCTETS - directory.toString().length() - 1;
    Path longest = directory.resolve("é" + "x".repeat(room - 2));
    try (SocketFile _ = make(longest)) {
      connect(longest);
    }
    Path tooLong = directory.resolve("é" + "x".repeat(room - 1));
    assertThatThrownBy(() -> make(tooLong))
        .hasMessage(tooLong + ": a socket's path has at most 106 octets, this one 107");
    Path nowhere = directory.resolve("no/socket");
    assertThatThrownBy(() -> make(nowhere))
        .hasMessage(nowhere + ": there is no directory " + directory.resolve("no"));
    assertThat(directory).isEmptyDirectory();
  }
}
