package org.netback.daemon;

import java.io.IOException;
import java.nio.file.Path;
import org.netback.daemon.config.RunDirectory;
import org.netback.loop.netty.LockFile;

/// The right to serve the vifs of a ground, which one process has at a time: two backends at one
/// ring would break it. It ends with the process, however that ends.
public final class HostClaim implements AutoCloseable {
  private final LockFile lock;

  private HostClaim(LockFile lock) {
    this.lock = lock;
  }

  /// Claims the Xen host whose dom0 this is.
  ///
  /// @param directory is made where needed
  /// @throws IOException another process has it
  static HostClaim ofHost(Path directory) throws IOException {
    return take(new RunDirectory(directory).hostClaim(), "this host's vifs");
  }

  /// Claims an embedded ground, this process's own or another's.
  ///
  /// @param run the ground's directory
  /// @throws IOException another process has it
  static HostClaim ofGround(Path run) throws IOException {
    return take(new RunDirectory(run).claim(), "the vifs of the ground in " + run);
  }

  private static HostClaim take(Path file, String what) throws IOException {
    return new HostClaim(
        LockFile.tryLock(file)
            .orElseThrow(
                () ->
                    new IOException(
                        "another daemon serves " + what + ": stop it first (" + file + ')')));
  }

  @Override
  public void close() throws IOException {
    lock.close();
  }
}
