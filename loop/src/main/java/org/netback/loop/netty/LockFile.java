package org.netback.loop.netty;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/// A file that one process at a time has locked. The lock ends with the process, however that ends;
/// the file stays, empty, since removing it would let two processes lock two files of one name.
public final class LockFile implements AutoCloseable {
  /// What this process has locked, by identity. The kernel takes a process's lock away when the
  /// process closes any descriptor of the file: a file that is in here is not opened again.
  private static final Set<FileIdentity> HELD = new HashSet<>();

  private final FileChannel file;
  private final FileIdentity identity;

  private LockFile(FileChannel file, FileIdentity identity) {
    this.file = file;
    this.identity = identity;
  }

  /// Locks the file, which is made where it is missing, as its directory is. A file that is there
  /// keeps what it holds.
  ///
  /// @return empty if it is locked already, by another process or by this one
  /// @throws IOException also if the name is taken by something else than a regular file
  public static Optional<LockFile> tryLock(Path path) throws IOException {
    Optional<Path> directory = Optional.ofNullable(path.getParent());
    if (directory.isPresent()) {
      makeDirectories(directory.get());
    }
    synchronized (HELD) {
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        if (FileKind.of(path) != FileKind.FILE) {
          throw new IOException(
              path + " is " + FileKind.of(path) + ", in the place of a lock file");
        }
        if (FileIdentity.of(path).filter(HELD::contains).isPresent()) {
          return Optional.empty();
        }
      }
      return lock(path);
    }
  }

  private static Optional<LockFile> lock(Path path) throws IOException {
    FileChannel file =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
    Optional<LockFile> made = Optional.empty();
    try {
      if (Optional.ofNullable(file.tryLock()).isPresent()) {
        made =
            Optional.of(
                new LockFile(
                    file,
                    FileIdentity.of(path)
                        .orElseThrow(
                            () -> new IOException(path + " was removed while it was locked"))));
      }
    } finally {
      if (made.isEmpty()) {
        file.close();
      }
    }
    made.ifPresent(lock -> HELD.add(lock.identity));
    return made;
  }

  /// Makes a directory with those above it.
  ///
  /// @throws IOException names what is in the way
  public static void makeDirectories(Path directory) throws IOException {
    try {
      Files.createDirectories(directory);
    } catch (FileAlreadyExistsException e) {
      throw new IOException(e.getFile() + " is in the way: it is no directory", e);
    }
  }

  @Override
  public void close() throws IOException {
    synchronized (HELD) {
      if (file.isOpen()) {
        file.close();
        boolean _ = HELD.remove(identity);
      }
    }
  }
}
