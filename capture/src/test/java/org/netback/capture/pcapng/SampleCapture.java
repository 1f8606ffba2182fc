package org.netback.capture.pcapng;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.netback.packet.MacAddress;

/// A capture of a broadcast and its answer through a switch of two guests and a tap, as its writer
/// lays it: every kind of block and option.
final class SampleCapture {
  static final int SNAP_LENGTH = 2048;
  static final long START = 1_795_000_000_123_456_789L;

  static final MacAddress WEB = MacAddress.parse("00:16:3e:00:00:01");
  static final MacAddress DB = MacAddress.parse("00:16:3e:00:00:02");

  static final SectionHeader HEADER =
      new SectionHeader(
          "host-7.example",
          "Linux 6.1.0-42-amd64",
          "netback 0.1.0",
          "netback capture start --guest web 'not port 22'");

  static final List<InterfaceDescription> INTERFACES =
      List.of(
          InterfaceDescription.ofPort(
              SNAP_LENGTH,
              "vif1.0",
              "guest web (1), network blue",
              Optional.of(WEB),
              1_000_000_000,
              "not port 22"),
          InterfaceDescription.ofPort(
              SNAP_LENGTH, "vif2.0", "guest dätabase (2), network blue", Optional.of(DB), 0, ""),
          InterfaceDescription.ofPort(
              SNAP_LENGTH, "tap0", "", Optional.empty(), 10_000_000_000L, ""));

  /// From web to all: who has 10.0.0.2, tell 10.0.0.1.
  static final byte[] REQUEST =
      octets(
          "ffffffffffff00163e000001"
              + "0806"
              + "0001080006040001"
              + "00163e0000010a000001"
              + "0000000000000a000002");

  /// From db to web, with a UDP header over 16 octets.
  static final byte[] DATAGRAM =
      octets(
          "00163e00000100163e000002"
              + "0800"
              + "4500002c000040004011"
              + "26bf"
              + "0a0000020a000001"
              + "d431000700180000"
              + "000102030405060708090a0b0c0d0e0f");

  static final NameResolution NAMES = names();

  static final List<InterfaceStatistics> STATISTICS =
      List.of(
          new InterfaceStatistics(0, START + 2000, START, START + 2000, 4, 1, 3, 0, 3),
          new InterfaceStatistics(
              1,
              START + 2000,
              START,
              InterfaceStatistics.UNKNOWN,
              2,
              InterfaceStatistics.UNKNOWN,
              InterfaceStatistics.UNKNOWN,
              InterfaceStatistics.UNKNOWN,
              2));

  /// Where each block of the file ends.
  final List<Integer> ends = new ArrayList<>();

  /// How many packets there are up to the end of each block.
  final List<Integer> packets = new ArrayList<>();

  private final ByteArrayOutputStream file = new ByteArrayOutputStream();
  private final SectionWriter writer =
      new SectionWriter(MemorySegment.ofArray(new byte[1 << 16]), SNAP_LENGTH);
  private final PacketOptions options = new PacketOptions();
  private int written;

  private SampleCapture(boolean verdicts) {
    PacketNote ingress = note(verdicts, "ingress: flood", 0, 1);
    PacketNote egress = note(verdicts, "egress: delivered", 0, 0);
    PacketNote dropped = note(verdicts, "egress: dropped, BACKLOG_FULL", 1, 16);
    block(writer.begin(HEADER));
    block(writer.add(INTERFACES.get(0)));
    block(writer.add(INTERFACES.get(1)));
    block(writer.add(NAMES));
    options
        .clear()
        .flags(PacketFlags.INBOUND | PacketFlags.BROADCAST)
        .packetId(1)
        .queue(3)
        .note(ingress);
    packet(0, 0, REQUEST, REQUEST.length);
    options.clear().flags(PacketFlags.OUTBOUND | PacketFlags.BROADCAST).packetId(1).note(egress);
    packet(1, 1, REQUEST, REQUEST.length);
    options
        .clear()
        .flags(
            PacketFlags.INBOUND
                | PacketFlags.UNICAST
                | PacketFlags.CHECKSUM_NOT_READY
                | PacketFlags.SEGMENTATION_OFFLOADED)
        .packetId(0x1_0000_0002L)
        .hash(0x51cc_c178)
        .queue(0);
    packet(1, 1000, DATAGRAM, DATAGRAM.length);
    block(writer.add(INTERFACES.get(2)));
    options
        .clear()
        .flags(PacketFlags.OUTBOUND | PacketFlags.PROMISCUOUS)
        .packetId(0x1_0000_0002L)
        .dropCount(17)
        .note(dropped);
    packet(2, 1001, DATAGRAM, 33);
    options.clear();
    packet(2, 999, DATAGRAM, 14);
    for (InterfaceStatistics each : STATISTICS) {
      block(writer.add(each));
    }
  }

  static SampleCapture make() {
    return new SampleCapture(true);
  }

  static SampleCapture withoutVerdicts() {
    return new SampleCapture(false);
  }

  private static PacketNote note(boolean verdicts, String comment, int... verdict) {
    return verdicts ? PacketNote.of(comment, verdict) : PacketNote.of(comment);
  }

  byte[] octets() {
    return file.toByteArray();
  }

  private void packet(int id, long after, byte[] data, int captured) {
    written++;
    block(
        writer.packet(
            id, START + after, MemorySegment.ofArray(data), 0, captured, data.length, options));
  }

  private void block(boolean added) {
    if (!added) {
      throw new AssertionError("no room");
    }
    ByteBuffer octets = writer.written();
    while (octets.hasRemaining()) {
      file.write(octets.get());
    }
    writer.clear();
    ends.add(file.size());
    packets.add(written);
  }

  private static NameResolution names() {
    try {
      return new NameResolution(
          List.of(
              new NameRecord.OfMac(WEB, "web"),
              new NameRecord.OfMac(DB, "db"),
              new NameRecord.OfIp(InetAddress.getByAddress(new byte[] {10, 0, 0, 1}), "web.blue"),
              new NameRecord.OfIp(InetAddress.getByName("fe80::216:3eff:fe00:1"), "web6.blue")));
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  static byte[] octets(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  static byte[] ascii(String text) {
    return text.getBytes(US_ASCII);
  }
}
