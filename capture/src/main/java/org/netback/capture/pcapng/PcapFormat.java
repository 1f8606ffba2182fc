package org.netback.capture.pcapng;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;

/// Reads pcap, the format before pcapng (draft-ietf-opsawg-pcap): one interface, packets without
/// options, times in micro- or nanoseconds, either byte order.
final class PcapFormat implements CaptureFormat {
  static final int MAGIC_MICROSECONDS = 0xa1b2_c3d4;
  static final int MAGIC_NANOSECONDS = 0xa1b2_3c4d;

  private static final int HEADER = 24;
  private static final int RECORD = 16;
  private static final int MAJOR = 2;
  private static final int MINOR = 4;
  private static final int FCS_GIVEN = 1 << 26;
  private static final int RESERVED = 0x0bff_0000;
  private static final long NANOS = 1_000_000_000;

  private final FileInput in;
  private final ValueLayout.OfInt int32;
  private final ValueLayout.OfShort int16;
  private final boolean nanoseconds;
  private Optional<InterfaceDescription> description = Optional.empty();

  PcapFormat(FileInput in, ByteOrder order, boolean nanoseconds) {
    this.in = in;
    int32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
    int16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
    this.nanoseconds = nanoseconds;
  }

  @Override
  public Optional<Block> next() throws IOException {
    if (description.isEmpty()) {
      description = header();
      return description.map(block -> block);
    }
    if (!in.have(RECORD)) {
      return Optional.empty();
    }
    MemorySegment head = in.lend(0, RECORD);
    int captured = head.get(int32, 8);
    if (captured < 0 || captured > CaptureReader.MAX_BLOCK - RECORD) {
      throw new CaptureFormatException(
          in.offset() + 8,
          "a packet of %s octets; at most %d are read"
              .formatted(Integer.toUnsignedString(captured), CaptureReader.MAX_BLOCK - RECORD));
    }
    if (!in.have(RECORD + captured)) {
      return Optional.empty();
    }
    MemorySegment record = in.lend(0, RECORD + captured);
    in.advance(RECORD + captured);
    long seconds = Integer.toUnsignedLong(record.get(int32, 0));
    long fraction = Integer.toUnsignedLong(record.get(int32, 4));
    return Optional.of(
        new CapturedPacket(
            0,
            description.get(),
            seconds * NANOS + (nanoseconds ? fraction : 1000 * fraction),
            record.asSlice(RECORD),
            Math.max(captured, Integer.toUnsignedLong(record.get(int32, 12))),
            Options.NONE));
  }

  private Optional<InterfaceDescription> header() throws IOException {
    if (!in.have(HEADER)) {
      return Optional.empty();
    }
    MemorySegment header = in.lend(0, HEADER);
    int major = Short.toUnsignedInt(header.get(int16, 4));
    int minor = Short.toUnsignedInt(header.get(int16, 6));
    if (major != MAJOR || minor != MINOR) {
      throw new CaptureFormatException(
          4, "version %d.%d of pcap; only 2.4 is read".formatted(major, minor));
    }
    int link = header.get(int32, 20);
    int linkType = link & 0xffff;
    if (linkType != InterfaceDescription.ETHERNET) {
      throw new CaptureFormatException(
          20,
          "the link type is %d; only Ethernet, %d, is read"
              .formatted(linkType, InterfaceDescription.ETHERNET));
    }
    if ((link & RESERVED) != 0) {
      throw new CaptureFormatException(20, "reserved bits are set: 0x%08x".formatted(link));
    }
    int fcsLength = (link & FCS_GIVEN) != 0 ? 2 * (link >>> 28) : InterfaceDescription.UNKNOWN;
    int snapLength = header.get(int32, 16);
    in.advance(HEADER);
    return Optional.of(
        new InterfaceDescription(
            linkType,
            snapLength,
            "",
            "",
            Optional.empty(),
            0,
            "",
            fcsLength,
            nanoseconds ? TimeResolution.NANOSECONDS : TimeResolution.MICROSECONDS,
            0));
  }
}
