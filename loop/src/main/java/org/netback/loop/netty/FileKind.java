package org.netback.loop.netty;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/// What a name in the file system stands for (`S_IFMT` of stat.h), in words for messages.
enum FileKind {
  SOCKET(0140000, "a socket"),
  LINK(0120000, "a symbolic link"),
  FILE(0100000, "a regular file"),
  BLOCK_DEVICE(0060000, "a device"),
  DIRECTORY(0040000, "a directory"),
  CHARACTER_DEVICE(0020000, "a device"),
  FIFO(0010000, "a FIFO");

  private static final int S_IFMT = 0170000;

  private final int type;
  private final String words;

  FileKind(int type, String words) {
    this.type = type;
    this.words = words;
  }

  /// Of the name itself, not of what a link leads to.
  static FileKind of(Path path) throws IOException {
    int mode = (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    for (FileKind kind : values()) {
      if (kind.type == (mode & S_IFMT)) {
        return kind;
      }
    }
    throw new IOException(path + ": mode " + Integer.toOctalString(mode));
  }

  @Override
  public String toString() {
    return words;
  }
}
