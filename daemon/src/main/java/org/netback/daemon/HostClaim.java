package org.netback.daemon;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/// The right to serve this host's devices, which one process has at a time: two backends at one
/// ring would break it. It ends with the process, however that ends.
public final class HostClaim implements AutoCloseable {
  private final FileChannel file;

  private HostClaim(FileChannel file) {
    this.file = file;
  }

  /// @param directory is made where needed
  /// @throws IOException another process has it
  static HostClaim take(Path directory) throws IOException {
    Files.createDirectories(directory);
    Path path = directory.resolve("dom0.lock");
    FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      Optional<FileLock> lock = Optional.ofNullable(file.tryLock());
      if (lock.isPresent()) {
        return new HostClaim(file);
      }
    } catch (OverlappingFileLockException e) {
      // by this process: the same answer
    }
    file.close();
    throw new IOException("another daemon serves this host's vifs: stop it first (" + path + ')');
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
