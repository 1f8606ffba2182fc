package org.netback.xen.netty;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/// A file that one process at a time has locked. The lock ends with the process, however that ends;
/// the file stays, empty, since removing it would let two processes lock two files of one name.
public final class LockFile implements AutoCloseable {
  private final FileChannel file;

  private LockFile(FileChannel file) {
    this.file = file;
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
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && FileKind.of(path) != FileKind.FILE) {
      throw new IOException(path + " is " + FileKind.of(path) + ", in the place of a lock file");
    }
    FileChannel file =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
    try {
      Optional<FileLock> lock = Optional.ofNullable(file.tryLock());
      if (lock.isPresent()) {
        return Optional.of(new LockFile(file));
      }
    } catch (OverlappingFileLockException e) {
      // by this process: the same answer
    }
    file.close();
    return Optional.empty();
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
    file.close();
  }
}
