package org.netback.capture.text;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// What was captured of a frame, read by offsets. What was not captured reads as zero: whoever asks
/// looks with [#has] first, or says so afterwards.
///
/// @param memory the octets that were captured
/// @param length of the whole frame
record Octets(MemorySegment memory, int length) {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  /// Whether this many octets were captured from an offset on.
  boolean has(int at, int count) {
    return at >= 0 && count >= 0 && at + (long) count <= memory.byteSize();
  }

  int u8(int at) {
    return has(at, 1) ? memory.get(ValueLayout.JAVA_BYTE, at) & 0xff : 0;
  }

  int u16(int at) {
    return has(at, 2) ? memory.get(U16, at) & 0xffff : 0;
  }

  long u32(int at) {
    return has(at, 4) ? memory.get(U32, at) & 0xffff_ffffL : 0;
  }
}
