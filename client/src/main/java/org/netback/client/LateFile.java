package org.netback.client;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;

/// A file that is made, or emptied, when there is something to write: what the daemon refuses costs
/// nobody a file. Nobody but its owner may read it (mode 0600), if it is made here.
final class LateFile extends OutputStream {
  private static final Set<StandardOpenOption> HOW =
      Set.of(
          StandardOpenOption.CREATE,
          StandardOpenOption.TRUNCATE_EXISTING,
          StandardOpenOption.WRITE);
  private static final FileAttribute<Set<PosixFilePermission>> OWNERS =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final Path path;
  private Optional<OutputStream> file = Optional.empty();

  LateFile(Path path) {
    this.path = path;
  }

  private OutputStream file() throws IOException {
    if (file.isEmpty()) {
      try {
        file = Optional.of(Channels.newOutputStream(Files.newByteChannel(path, HOW, OWNERS)));
      } catch (FileSystemException e) {
        throw new UserError(UserError.OUTPUT, "cannot write " + UserError.reason(e));
      }
    }
    return file.get();
  }

  @Override
  public void write(int octet) throws IOException {
    file().write(octet);
  }

  @Override
  public void write(byte[] octets, int offset, int length) throws IOException {
    file().write(octets, offset, length);
  }

  @Override
  public void close() throws IOException {
    if (file.isPresent()) {
      file.get().close();
    }
  }
}
