package org.netback.capture.pcapng;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The octets of a file, as they are wanted. Keeps what lies between the position and what was read
/// ahead. The buffer grows with what there is in the file, never with what the file says.
final class FileInput {
  private static final int INITIAL = 1 << 16;

  private final InputStream in;
  private byte[] buffer = new byte[INITIAL];
  private MemorySegment segment = MemorySegment.ofArray(buffer);
  private int position;
  private int limit;
  private long offset;
  private boolean ended;

  FileInput(InputStream in) {
    this.in = in;
  }

  /// Of the position, from the file's beginning.
  long offset() {
    return offset;
  }

  /// Octets from the position on that are here.
  int available() {
    return limit - position;
  }

  /// Has so many octets from the position on. What was lent before is no longer valid.
  ///
  /// @return false if the file ends before
  boolean have(int octets) throws IOException {
    if (available() >= octets) {
      return true;
    }
    System.arraycopy(buffer, position, buffer, 0, available());
    limit -= position;
    position = 0;
    while (available() < octets && !ended) {
      if (limit == buffer.length) {
        buffer = Arrays.copyOf(buffer, 2 * buffer.length);
        segment = MemorySegment.ofArray(buffer);
      }
      int read = in.read(buffer, limit, buffer.length - limit);
      if (read < 0) {
        ended = true;
      } else {
        limit += read;
      }
    }
    return available() >= octets;
  }

  /// Octets from the position on.
  MemorySegment lend(int from, int octets) {
    return segment.asSlice(position + from, octets);
  }

  void advance(int octets) {
    position += octets;
    offset += octets;
  }
}
