package org.netback.capture.pcapng;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Enhanced packet blocks, little-endian, in memory of the caller's (draft-ietf-opsawg-pcapng,
/// section 4.3). A thread that has no file lays its packets by this into memory of its own, and the
/// file's owner takes them over by [SectionWriter#packet(MemorySegment, long)]. Nothing is
/// allocated.
///
/// ```text
///   0  type  4  length  8  interface  12  time  20  captured  24  original  28  data, options  length
/// ```
public final class PacketBlock {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int INTERFACE = 8;
  private static final int TIME = 12;
  private static final int CAPTURED = 20;
  private static final int DATA = 28;

  private PacketBlock() {}

  /// The most octets that the block of a packet with this note takes.
  public static int maxLength(int captured, PacketNote note) {
    return DATA + padded(captured) + PacketOptions.MAX_LENGTH + note.length() + 4;
  }

  /// Octets of a packet's block.
  ///
  /// @param captured octets of the packet
  public static int length(int captured, PacketOptions options) {
    return DATA + padded(captured) + options.length() + 4;
  }

  /// Writes a block of [#length(int, PacketOptions)] octets.
  ///
  /// @param interfaceId the number of the interface in its section
  /// @param time in nanoseconds since 1970
  /// @param from the packet's memory
  /// @param offset of its first octet there
  /// @param captured octets to write of it, at least 0
  /// @param original octets that it has, at least those captured
  public static void write(
      MemorySegment to,
      long at,
      int interfaceId,
      long time,
      MemorySegment from,
      long offset,
      int captured,
      int original,
      PacketOptions options) {
    if (captured < 0 || captured > original) {
      throw new IllegalArgumentException(captured + " octets of " + original);
    }
    int length = length(captured, options);
    to.set(LONG, at, (long) length << 32 | BlockType.ENHANCED_PACKET);
    to.set(INT, at + INTERFACE, interfaceId);
    setTime(to, at, time);
    to.set(LONG, at + CAPTURED, (long) original << 32 | captured);
    long end = at + DATA + padded(captured);
    if (captured % 4 != 0) {
      to.set(INT, end - 4, 0);
    }
    MemorySegment.copy(from, offset, to, at + DATA, captured);
    options.write(to, end);
    to.set(INT, at + length - 4, length);
  }

  /// Octets of the block that lies there.
  public static int length(MemorySegment memory, long at) {
    return memory.get(INT, at + 4);
  }

  /// The time of the block that lies there.
  public static long time(MemorySegment memory, long at) {
    return Long.rotateLeft(memory.get(LONG, at + TIME), Integer.SIZE);
  }

  static int interfaceId(MemorySegment memory, long at) {
    return memory.get(INT, at + INTERFACE);
  }

  static int captured(MemorySegment memory, long at) {
    return memory.get(INT, at + CAPTURED);
  }

  static void setTime(MemorySegment memory, long at, long time) {
    // The upper half comes first.
    memory.set(LONG, at + TIME, Long.rotateLeft(time, Integer.SIZE));
  }

  private static int padded(int octets) {
    return octets + 3 & ~3;
  }
}
