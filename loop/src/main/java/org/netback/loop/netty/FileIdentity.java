package org.netback.loop.netty;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import java.util.Optional;

/// Tells files apart whatever their names are: device and number. A number is given anew once its
/// file is removed and open nowhere.
record FileIdentity(Object key) {
  /// Of the name itself, not of what a link leads to; empty if there is none.
  static Optional<FileIdentity> of(Path path) throws IOException {
    try {
      return Optional.of(
          new FileIdentity(
              Objects.requireNonNull(
                  Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                      .fileKey())));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }
}
