package org.netback.capture.pcapng;

import java.io.IOException;

/// A file is no capture file, a broken one, or one that this package does not read. The message is
/// a sentence for an operator and says where.
public final class CaptureFormatException extends IOException {
  private final long offset;

  /// @param offset of what is wrong, in octets from the file's beginning
  CaptureFormatException(long offset, String message) {
    super("octet " + offset + ": " + message);
    this.offset = offset;
  }

  public long offset() {
    return offset;
  }
}
