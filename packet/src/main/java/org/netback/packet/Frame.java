package org.netback.packet;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// One Ethernet frame in private memory, without its FCS, and the offload work still to be done on
/// it.
///
/// A frame belongs to the [FrameArena] that made it and is valid until that arena is cleared. It is
/// *lent* for a call: who wants it longer copies it. At least [FrameArena#HEADROOM] octets in front
/// of the first one may be written by the port that is sending it.
///
/// Confined to the thread that drives its arena.
public final class Frame {
  private static final ValueLayout.OfInt INT_BE =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(BIG_ENDIAN);
  private static final ValueLayout.OfLong LONG_BE =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(BIG_ENDIAN);
  private static final ValueLayout.OfShort SHORT_BE =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(BIG_ENDIAN);

  /// The shortest frame that a port may hand over: an Ethernet header (netif `ETH_HLEN`).
  public static final int MIN_LENGTH = 14;

  private final MemorySegment memory;
  private long offset;
  private int length;
  private ChecksumState checksum = ChecksumState.COMPLETE;
  private GsoType gso = GsoType.NONE;
  private int gsoSize;

  Frame(MemorySegment memory) {
    this.memory = memory;
  }

  Frame reset(long newOffset, int newLength) {
    offset = newOffset;
    length = newLength;
    checksum = ChecksumState.COMPLETE;
    gso = GsoType.NONE;
    gsoSize = 0;
    return this;
  }

  /// The memory that the frame lies in; its first octet is at [#offset()].
  public MemorySegment memory() {
    return memory;
  }

  public long offset() {
    return offset;
  }

  /// Length in octets, Ethernet header included.
  public int length() {
    return length;
  }

  /// Makes the frame shorter.
  public void truncate(int newLength) {
    if (newLength < 0 || newLength > length) {
      throw new IllegalArgumentException("truncate " + length + " octets to " + newLength);
    }
    length = newLength;
  }

  public ChecksumState checksum() {
    return checksum;
  }

  public void setChecksum(ChecksumState state) {
    checksum = state;
  }

  public GsoType gso() {
    return gso;
  }

  /// The most payload that a segment may carry, in octets; 0 without [#gso()].
  public int gsoSize() {
    return gsoSize;
  }

  public void setGso(GsoType type, int size) {
    gso = type;
    gsoSize = size;
  }

  /// Destination MAC address, in the form of [MacAddress]. Only of a frame of [#MIN_LENGTH].
  public long destination() {
    return memory.get(LONG_BE, offset) >>> 16;
  }

  /// Source MAC address, in the form of [MacAddress]. Only of a frame of [#MIN_LENGTH].
  public long source() {
    return memory.get(LONG_BE, offset + 6) >>> 16;
  }

  public int u8(int at) {
    return memory.get(ValueLayout.JAVA_BYTE, offset + at) & 0xff;
  }

  public int u16(int at) {
    return memory.get(SHORT_BE, offset + at) & 0xffff;
  }

  /// The 32 bits at an offset of the frame, in network order.
  public int i32(int at) {
    return memory.get(INT_BE, offset + at);
  }

  public void putU8(int at, int value) {
    memory.set(ValueLayout.JAVA_BYTE, offset + at, (byte) value);
  }

  public void putU16(int at, int value) {
    memory.set(SHORT_BE, offset + at, (short) value);
  }

  public void putI32(int at, int value) {
    memory.set(INT_BE, offset + at, value);
  }

  /// The frame's octets as a segment: garbage, so for tests, captures and slow paths.
  public MemorySegment octets() {
    return memory.asSlice(offset, length);
  }

  @Override
  public String toString() {
    return new MacAddress(source())
        + " > "
        + new MacAddress(destination())
        + ", "
        + length
        + " octets, checksum "
        + checksum
        + ", gso "
        + gso
        + ' '
        + gsoSize;
  }
}
