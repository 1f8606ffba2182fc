package org.netback.capture.pcapng;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/// Lays the blocks of a capture file into a buffer, always whole ones; its owner writes them out.
/// So a file whose writer was killed, or whose disk was full, is whole up to its last block, which
/// may be torn.
///
/// ```java
/// if (!writer.packet(id, time, frame.memory(), frame.offset(), length, frame.length(), options)) {
///   channel.write(writer.written()); // until nothing remains
///   writer.clear();
///   // and again
/// }
/// ```
///
/// Each method says whether there was room; where there was none, nothing has changed. A file
/// begins with [#begin], and an interface comes before its first packet; it may come after packets
/// of others. Times never go back within a file: an earlier one becomes that of the block before
/// it. Blocks are little-endian.
///
/// All interfaces of a file have one snap length, since libpcap refuses a file in which they
/// differ.
///
/// A packet allocates nothing, the other blocks do. One thread at a time.
public final class SectionWriter {
  /// The most octets that can be captured of a packet: with them, a block is one that every reader
  /// takes. libpcap's bound for Ethernet.
  public static final int MAX_CAPTURED = 262_144;

  private final MemorySegment buffer;
  private final ByteBuffer view;
  private final int capacity;
  private final int snapLength;
  private int length;
  private int interfaces;
  private long lastTime;
  private boolean begun;

  /// @param buffer kept, shorter than 2 GiB, and at least as long as the longest block
  ///   ([PacketBlock#maxLength]); native memory is written to a file without a copy
  /// @param snapLength the most octets that are captured of a packet, at most [#MAX_CAPTURED]
  public SectionWriter(MemorySegment buffer, int snapLength) {
    if (snapLength < 1 || snapLength > MAX_CAPTURED) {
      throw new IllegalArgumentException("a snap length of " + snapLength + " octets");
    }
    this.buffer = buffer;
    this.view = buffer.asByteBuffer();
    this.capacity = view.capacity();
    this.snapLength = snapLength;
  }

  /// The most octets that are captured of a packet.
  public int snapLength() {
    return snapLength;
  }

  /// The blocks that lie in the buffer. The same object each time; valid until [#clear()], and not
  /// while blocks are added.
  public ByteBuffer written() {
    return view.clear().limit(length);
  }

  /// Octets of the blocks that lie in the buffer.
  public int length() {
    return length;
  }

  /// Empties the buffer: its blocks were written.
  public void clear() {
    length = 0;
  }

  /// Begins a file: interfaces are counted from 0 again, and any time may come.
  public boolean begin(SectionHeader header) {
    if (!add(header.toBlock())) {
      return false;
    }
    interfaces = 0;
    lastTime = 0;
    begun = true;
    return true;
  }

  /// How many interfaces the file has. The next one has this number.
  public int interfaces() {
    return interfaces;
  }

  /// Adds the interface with the number [#interfaces()].
  ///
  /// @param description of Ethernet in nanoseconds, with the writer's snap length
  public boolean add(InterfaceDescription description) {
    checkBegun();
    if (description.linkType() != InterfaceDescription.ETHERNET
        || description.snapLength() != snapLength
        || !description.resolution().equals(TimeResolution.NANOSECONDS)
        || description.timeOffset() != 0) {
      throw new IllegalArgumentException(
          "not Ethernet in nanoseconds, at most " + snapLength + " octets: " + description);
    }
    if (!add(description.toBlock())) {
      return false;
    }
    interfaces++;
    return true;
  }

  /// Adds names. Many of them take more than one block: each has to fit into the buffer.
  public boolean add(NameResolution names) {
    checkBegun();
    return add(names.toBlock());
  }

  /// Adds statistics of an interface.
  public boolean add(InterfaceStatistics statistics) {
    check(statistics.interfaceId());
    long time = Math.max(lastTime, statistics.time());
    if (!add(statistics.toBlock(time))) {
      return false;
    }
    lastTime = time;
    return true;
  }

  /// Adds a packet.
  ///
  /// @param interfaceId of an interface that was added
  /// @param time in nanoseconds since 1970
  /// @param memory that the packet lies in
  /// @param offset of its first octet there
  /// @param captured octets to write of it, at most the snap length
  /// @param original octets that it has
  /// @throws IllegalArgumentException also if the block is longer than the whole buffer
  public boolean packet(
      int interfaceId,
      long time,
      MemorySegment memory,
      long offset,
      int captured,
      int original,
      PacketOptions options) {
    check(interfaceId);
    checkCaptured(captured);
    int block = PacketBlock.length(captured, options);
    if (!hasRoom(block)) {
      return false;
    }
    long at = Math.max(lastTime, time);
    PacketBlock.write(buffer, length, interfaceId, at, memory, offset, captured, original, options);
    length += block;
    lastTime = at;
    return true;
  }

  /// Adds a packet whose block was laid by [PacketBlock#write].
  ///
  /// @param offset of the block in its memory
  public boolean packet(MemorySegment memory, long offset) {
    check(PacketBlock.interfaceId(memory, offset));
    checkCaptured(PacketBlock.captured(memory, offset));
    int block = PacketBlock.length(memory, offset);
    if (!hasRoom(block)) {
      return false;
    }
    MemorySegment.copy(memory, offset, buffer, length, block);
    long time = PacketBlock.time(memory, offset);
    if (time < lastTime) {
      PacketBlock.setTime(buffer, length, lastTime);
    } else {
      lastTime = time;
    }
    length += block;
    return true;
  }

  private boolean add(byte[] block) {
    if (!hasRoom(block.length)) {
      return false;
    }
    MemorySegment.copy(MemorySegment.ofArray(block), 0, buffer, length, block.length);
    length += block.length;
    return true;
  }

  private boolean hasRoom(int block) {
    if (block > capacity) {
      throw new IllegalArgumentException(
          "a block of " + block + " octets for a buffer of " + capacity);
    }
    return block <= capacity - length;
  }

  private void checkBegun() {
    if (!begun) {
      throw new IllegalStateException("the file has no section header yet");
    }
  }

  private void check(int interfaceId) {
    if (interfaceId < 0 || interfaceId >= interfaces) {
      throw new IllegalArgumentException("interface " + interfaceId + " of " + interfaces);
    }
  }

  private void checkCaptured(int captured) {
    if (captured > snapLength) {
      throw new IllegalArgumentException(captured + " octets captured of at most " + snapLength);
    }
  }
}
