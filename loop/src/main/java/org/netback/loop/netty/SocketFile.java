package org.netback.loop.netty;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;

/// The name that a listening Unix socket has in the file system.
///
/// It is made where nothing is. A socket that refuses connections was left by a process that has
/// died, and is replaced. Anything else stays as it is: a file, a directory, a link, a socket that
/// somebody listens on. The name is taken away again only while it still leads to the socket that
/// was made here.
public final class SocketFile implements AutoCloseable {
  /// The longest path, in octets: `struct sockaddr_un` has room for 107, and the JDK's sockets, by
  /// which our own clients connect, use one less.
  public static final int MAX_OCTETS = 106;

  private final Path path;
  private final FileIdentity identity;

  private SocketFile(Path path, FileIdentity identity) {
    this.path = path;
    this.identity = identity;
  }

  /// The two calls that make a socket known.
  public interface Binding {
    /// Fails if the name is taken.
    void bind(Path path) throws IOException;

    void listen() throws IOException;
  }

  /// Makes the name, for the process's own user alone, and then listens: nobody can connect before
  /// the mode is set.
  ///
  /// @throws IOException says what is in the way, or what the kernel refused; the socket itself is
  ///   the caller's to close
  public static SocketFile make(Path path, Binding binding) throws IOException {
    int octets = path.toString().getBytes(StandardCharsets.UTF_8).length;
    if (octets > MAX_OCTETS) {
      throw new IOException(
          path + ": a socket's path has at most " + MAX_OCTETS + " octets, this one " + octets);
    }
    Path directory = Optional.ofNullable(path.toAbsolutePath().getParent()).orElse(path);
    if (!Files.isDirectory(directory)) {
      throw new IOException(path + ": there is no directory " + directory);
    }
    removeDead(path);
    binding.bind(path);
    SocketFile made =
        new SocketFile(
            path,
            FileIdentity.of(path)
                .orElseThrow(
                    () -> new IOException(path + ": another process has just removed this name")));
    try {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-------"));
      binding.listen();
      if (!made.isThere()) {
        throw new IOException(path + ": another process has just taken this name");
      }
    } catch (IOException e) {
      made.close();
      throw e;
    }
    return made;
  }

  private static void removeDead(Path path) throws IOException {
    Optional<FileIdentity> before = FileIdentity.of(path);
    if (before.isEmpty()) {
      return;
    }
    FileKind kind = FileKind.of(path);
    if (kind != FileKind.SOCKET) {
      throw new IOException(
          path + " is " + kind + " and stays: remove it, or name another place for the socket");
    }
    if (isAlive(path)) {
      throw new IOException(path + ": another process is listening there");
    }
    if (FileIdentity.of(path).equals(before)) {
      Files.deleteIfExists(path);
    }
  }

  /// Only a refusal says that nobody is there: a socket of another type, or one whose queue is
  /// full, has an owner.
  private static boolean isAlive(Path path) throws IOException {
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      probe.configureBlocking(false);
      boolean _ = probe.connect(UnixDomainSocketAddress.of(path));
      return true;
    } catch (ConnectException e) {
      return false;
    } catch (IOException e) {
      return FileIdentity.of(path).isPresent();
    }
  }

  private boolean isThere() throws IOException {
    return FileIdentity.of(path).equals(Optional.of(identity));
  }

  /// Takes the name away. To be called while the socket is open: only until then does no other file
  /// get its number.
  @Override
  public void close() throws IOException {
    if (isThere()) {
      Files.deleteIfExists(path);
    }
  }
}
