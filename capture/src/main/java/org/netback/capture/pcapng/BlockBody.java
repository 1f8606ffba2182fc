package org.netback.capture.pcapng;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// The body of one block that was read, with its bounds. Positions count from the body's first
/// octet. Valid until the next block is read.
final class BlockBody {
  private final int type;
  private final MemorySegment octets;
  private final ByteOrder order;
  private final long fileOffset;
  private final ValueLayout.OfShort int16;
  private final ValueLayout.OfInt int32;

  /// @param octets of the body alone
  /// @param fileOffset of the first of them
  BlockBody(int type, MemorySegment octets, ByteOrder order, long fileOffset) {
    this.type = type;
    this.octets = octets;
    this.order = order;
    this.fileOffset = fileOffset;
    int16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
    int32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
  }

  int type() {
    return type;
  }

  int length() {
    return (int) octets.byteSize();
  }

  int int16(int at) throws CaptureFormatException {
    check(at, 2, "a field");
    return Short.toUnsignedInt(octets.get(int16, at));
  }

  int int32(int at) throws CaptureFormatException {
    check(at, 4, "a field");
    return octets.get(int32, at);
  }

  /// 64 bits of which the upper half comes first in either byte order.
  long time(int at) throws CaptureFormatException {
    return (long) int32(at) << 32 | int32(at + 4) & 0xffff_ffffL;
  }

  MemorySegment slice(int at, int count) throws CaptureFormatException {
    check(at, count, "the packet");
    return octets.asSlice(at, count);
  }

  byte[] octets(int at, int count) throws CaptureFormatException {
    return slice(at, count).toArray(JAVA_BYTE);
  }

  /// Where the first zero octet is, or the end.
  int zero(int from, int end) throws CaptureFormatException {
    check(from, end - from, "a name");
    int at = from;
    while (at < end && octets.get(JAVA_BYTE, at) != 0) {
      at++;
    }
    return at;
  }

  /// The options that begin there, checked: they end at an end of options or with the block.
  Options options(int from) throws CaptureFormatException {
    int at = from;
    while (length() - at >= 4) {
      int code = int16(at);
      int value = int16(at + 2);
      if (code == OptionCode.END) {
        break;
      }
      check(at + 4, value, "an option");
      if (!OptionCode.allows(type, code, value)) {
        throw fault(
            at, "option " + code + " of a block of type " + type + " has " + value + " octets");
      }
      at = Math.min(length(), at + 4 + (value + 3 & ~3));
    }
    return from >= length() ? Options.NONE : new Options(octets.asSlice(from, at - from), order);
  }

  /// @throws CaptureFormatException if so many octets from there are not in the body
  void check(int at, int count, String what) throws CaptureFormatException {
    if (count < 0 || at > length() || count > length() - at) {
      throw fault(Math.min(at, length()), what + " goes beyond the end of its block");
    }
  }

  CaptureFormatException fault(int at, String message) {
    return new CaptureFormatException(fileOffset + at, message);
  }
}
