package org.netback.capture.pcapng;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Reads pcapng (draft-ietf-opsawg-pcapng): sections in either byte order, all kinds of packet
/// blocks, and other blocks by their length. A section of an unknown version has only others.
final class PcapngFormat implements CaptureFormat {
  /// Type and length twice.
  private static final int EMPTY_BLOCK = 12;

  private static final int HEAD = 8;

  /// What a short description of an interface counts for, so that memory is bounded.
  private static final int MIN_DESCRIPTION = 256;

  private static final ValueLayout.OfInt BIG =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private final FileInput in;
  private final List<InterfaceDescription> interfaces = new ArrayList<>();
  private ByteOrder order = ByteOrder.BIG_ENDIAN;
  private long described;
  private boolean readable = true;

  PcapngFormat(FileInput in) {
    this.in = in;
  }

  @Override
  public Optional<Block> next() throws IOException {
    if (!in.have(EMPTY_BLOCK)) {
      return Optional.empty();
    }
    long start = in.offset();
    MemorySegment head = in.lend(0, EMPTY_BLOCK);
    int type = int32(head, 0);
    if (type == BlockType.SECTION_HEADER) {
      order = order(head.get(BIG, HEAD), start);
    }
    int length = int32(head, 4);
    check(length, start);
    if (!in.have(length)) {
      return Optional.empty();
    }
    MemorySegment block = in.lend(0, length);
    checkTrailer(int32(block, length - 4), length, start);
    in.advance(length);
    BlockBody body =
        new BlockBody(type, block.asSlice(HEAD, length - EMPTY_BLOCK), order, start + HEAD);
    if (type == BlockType.SECTION_HEADER) {
      begin(body);
    }
    return Optional.of(readable ? read(body, length) : new OtherBlock(type, length));
  }

  private void begin(BlockBody header) throws CaptureFormatException {
    header.check(0, SectionHeader.FIXED, "a section header");
    interfaces.clear();
    described = 0;
    readable = SectionHeader.isReadable(header);
  }

  private static void checkTrailer(int trailer, int length, long start)
      throws CaptureFormatException {
    if (trailer != length) {
      throw new CaptureFormatException(
          start + length - 4,
          "a block of %d octets says at its end that it has %s"
              .formatted(length, Integer.toUnsignedString(trailer)));
    }
  }

  private static ByteOrder order(int magic, long start) throws CaptureFormatException {
    if (magic == SectionHeader.BYTE_ORDER_MAGIC) {
      return ByteOrder.BIG_ENDIAN;
    }
    if (Integer.reverseBytes(magic) == SectionHeader.BYTE_ORDER_MAGIC) {
      return ByteOrder.LITTLE_ENDIAN;
    }
    throw new CaptureFormatException(
        start + HEAD, "a section has no byte order: 0x%08x".formatted(magic));
  }

  private static void check(int length, long start) throws CaptureFormatException {
    if (Integer.compareUnsigned(length, CaptureReader.MAX_BLOCK) > 0) {
      throw new CaptureFormatException(
          start + 4,
          "a block of %s octets; at most %d are read"
              .formatted(Integer.toUnsignedString(length), CaptureReader.MAX_BLOCK));
    }
    if (length < EMPTY_BLOCK || length % 4 != 0) {
      throw new CaptureFormatException(start + 4, "no block has " + length + " octets");
    }
  }

  private int int32(MemorySegment memory, long at) {
    return memory.get(ValueLayout.JAVA_INT_UNALIGNED.withOrder(order), at);
  }

  private Block read(BlockBody body, int length) throws CaptureFormatException {
    return switch (body.type()) {
      case BlockType.SECTION_HEADER -> SectionHeader.read(body);
      case BlockType.INTERFACE_DESCRIPTION -> describe(body, length);
      case BlockType.ENHANCED_PACKET -> packet(body, body.int32(0));
      case BlockType.PACKET -> packet(body, body.int16(0));
      case BlockType.SIMPLE_PACKET -> simplePacket(body);
      case BlockType.NAME_RESOLUTION -> NameResolution.read(body);
      case BlockType.INTERFACE_STATISTICS -> {
        int id = body.int32(0);
        yield InterfaceStatistics.read(body, id, describedBy(body, id));
      }
      default -> new OtherBlock(body.type(), length);
    };
  }

  private Block describe(BlockBody body, int length) throws CaptureFormatException {
    InterfaceDescription description = InterfaceDescription.read(body);
    if (description.linkType() != InterfaceDescription.ETHERNET) {
      throw body.fault(
          0,
          "interface %d has link type %d; only Ethernet, %d, is read"
              .formatted(interfaces.size(), description.linkType(), InterfaceDescription.ETHERNET));
    }
    described += Math.max(length, MIN_DESCRIPTION);
    if (described > CaptureReader.MAX_BLOCK) {
      throw body.fault(0, "too many interfaces: " + interfaces.size());
    }
    interfaces.add(description);
    return description;
  }

  /// An enhanced packet block, or an obsolete one, which differs in its first word only.
  private CapturedPacket packet(BlockBody body, int id) throws CaptureFormatException {
    int captured = body.int32(12);
    long original = Integer.toUnsignedLong(body.int32(16));
    MemorySegment data = body.slice(20, captured);
    InterfaceDescription description = describedBy(body, id);
    return new CapturedPacket(
        id,
        description,
        description.resolution().nanos(body.time(4), description.timeOffset()),
        data,
        Math.max(captured, original),
        body.options(20 + captured + (-captured & 3)));
  }

  private CapturedPacket simplePacket(BlockBody body) throws CaptureFormatException {
    InterfaceDescription description = describedBy(body, 0);
    long original = Integer.toUnsignedLong(body.int32(0));
    long snapLength = Integer.toUnsignedLong(description.snapLength());
    long captured = snapLength == 0 ? original : Math.min(snapLength, original);
    MemorySegment data = body.slice(4, (int) Math.min(captured, Integer.MAX_VALUE));
    return new CapturedPacket(0, description, CapturedPacket.NO_TIME, data, original, Options.NONE);
  }

  private InterfaceDescription describedBy(BlockBody body, int id) throws CaptureFormatException {
    if (id < 0 || id >= interfaces.size()) {
      throw body.fault(
          0,
          "interface %s of %d that are described"
              .formatted(Integer.toUnsignedString(id), interfaces.size()));
    }
    return interfaces.get(id);
  }
}
