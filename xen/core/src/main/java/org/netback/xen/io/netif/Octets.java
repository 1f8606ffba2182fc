package org.netback.xen.io.netif;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Little-endian fields of a slot, widened without sign: Xen's rings exist on x86 and Arm only, and
/// are little-endian on both.
final class Octets {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort BIG_ENDIAN_U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfInt BIG_ENDIAN_U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private Octets() {}

  static int u8(MemorySegment slot, long offset) {
    return slot.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
  }

  static int u16(MemorySegment slot, long offset) {
    return slot.get(U16, offset) & 0xffff;
  }

  static int s16(MemorySegment slot, long offset) {
    return slot.get(U16, offset);
  }

  static int u32(MemorySegment slot, long offset) {
    return slot.get(U32, offset);
  }

  /// Six octets, the first the most significant, as addresses are written.
  static long u48(MemorySegment slot, long offset) {
    return (slot.get(BIG_ENDIAN_U16, offset) & 0xffffL) << 32
        | slot.get(BIG_ENDIAN_U32, offset + 2) & 0xffff_ffffL;
  }

  static void put8(MemorySegment slot, long offset, int value) {
    slot.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
  }

  static void put16(MemorySegment slot, long offset, int value) {
    slot.set(U16, offset, (short) value);
  }

  /// Two 16-bit fields that fill a word. The ring copies slots by words, and a processor that reads
  /// a word which was written in halves has to wait for both to reach the cache.
  static void put16s(MemorySegment slot, long offset, int first, int second) {
    slot.set(U32, offset, first & 0xffff | second << 16);
  }

  static void put32(MemorySegment slot, long offset, int value) {
    slot.set(U32, offset, value);
  }

  static void put48(MemorySegment slot, long offset, long value) {
    slot.set(BIG_ENDIAN_U16, offset, (short) (value >>> 32));
    slot.set(BIG_ENDIAN_U32, offset + 2, (int) value);
  }
}
