package org.netback.capture.pcapng;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// What a packet has with it in the file. Filled for one packet after the other by its owner, who
/// begins with [#clear()]: what is not set is left out. Nothing is allocated. One thread.
public final class PacketOptions {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG_BE =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  /// The most octets that the options of a packet take, without its note.
  static final int MAX_LENGTH = 8 + 12 + 12 + 12 + 8 + 4;

  private static final int TOEPLITZ = 5;

  private int flags;
  private boolean hashed;
  private int hash;
  private long dropCount;
  private boolean identified;
  private long packetId;
  private boolean queued;
  private int queue;
  private PacketNote note = PacketNote.NONE;

  public PacketOptions clear() {
    flags = 0;
    hashed = false;
    dropCount = 0;
    identified = false;
    queued = false;
    note = PacketNote.NONE;
    return this;
  }

  /// A word of [PacketFlags]; 0 is left out.
  public PacketOptions flags(int word) {
    flags = word;
    return this;
  }

  /// The Toeplitz hash by which the guest has its frames distributed. It goes into the file as four
  /// octets with the most significant first, so that it is shown as it is written in hexadecimal;
  /// the draft says nothing of an order.
  public PacketOptions hash(int toeplitz) {
    hashed = true;
    hash = toeplitz;
    return this;
  }

  /// Packets of the same interface that were not captured since the last one that was; 0 is left
  /// out.
  public PacketOptions dropCount(long packets) {
    dropCount = packets;
    return this;
  }

  /// The number of the frame: the same wherever in the switch it is captured.
  public PacketOptions packetId(long id) {
    identified = true;
    packetId = id;
    return this;
  }

  /// The queue of the interface, from 0.
  public PacketOptions queue(int number) {
    queued = true;
    queue = number;
    return this;
  }

  public PacketOptions note(PacketNote same) {
    note = same;
    return this;
  }

  /// Octets of all options; 0 if there are none.
  int length() {
    int length =
        (flags != 0 ? 8 : 0)
            + (hashed ? 12 : 0)
            + (dropCount != 0 ? 12 : 0)
            + (identified ? 12 : 0)
            + (queued ? 8 : 0)
            + note.length();
    return length == 0 ? 0 : length + 4;
  }

  /// Writes [#length()] octets.
  void write(MemorySegment to, long start) {
    long at = start;
    if (flags != 0) {
      at = option32(to, at, OptionCode.PACKET_FLAGS, flags);
    }
    if (hashed) {
      to.set(INT, at, 5 << 16 | OptionCode.PACKET_HASH);
      to.set(LONG_BE, at + 4, (long) TOEPLITZ << 56 | (hash & 0xffff_ffffL) << 24);
      at += 12;
    }
    if (dropCount != 0) {
      at = option64(to, at, OptionCode.PACKET_DROP_COUNT, dropCount);
    }
    if (identified) {
      at = option64(to, at, OptionCode.PACKET_ID, packetId);
    }
    if (queued) {
      at = option32(to, at, OptionCode.PACKET_QUEUE, queue);
    }
    at = note.copyTo(to, at);
    if (at != start) {
      to.set(INT, at, OptionCode.END);
    }
  }

  private static long option32(MemorySegment to, long at, int code, int value) {
    to.set(LONG, at, (long) value << 32 | 4 << 16 | code);
    return at + 8;
  }

  private static long option64(MemorySegment to, long at, int code, long value) {
    to.set(INT, at, 8 << 16 | code);
    to.set(LONG, at + 4, value);
    return at + 12;
  }
}
