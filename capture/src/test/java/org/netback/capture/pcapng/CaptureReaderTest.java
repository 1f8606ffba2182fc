package org.netback.capture.pcapng;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.netback.packet.MacAddress;

/// What a reader makes of files that others wrote, and of files that are wrong.
class CaptureReaderTest {
  static Stream<ByteOrder> orders() {
    return Stream.of(BIG_ENDIAN, LITTLE_ENDIAN);
  }

  private static String hex(CapturedPacket packet) {
    return HexFormat.of().formatHex(packet.data().toArray(ValueLayout.JAVA_BYTE));
  }

  private static CapturedPacket packet(CaptureReader reader) throws IOException {
    return reader.nextPacket().orElseThrow();
  }

  private static void assertEnds(CaptureReader reader) throws IOException {
    assertThat(reader.next()).isEmpty();
    assertThat(reader.truncation()).isEmpty();
    assertThat(reader.next()).isEmpty();
  }

  /// What is wrong with the file, and where.
  private static void assertFault(CaptureReader reader, long offset, String message) {
    assertThatThrownBy(
            () -> {
              while (reader.next().isPresent()) {
                // up to what is wrong
              }
            })
        .isInstanceOfSatisfying(
            CaptureFormatException.class, e -> assertThat(e.offset()).isEqualTo(offset))
        .hasMessage("octet " + offset + ": " + message);
    assertThat(ended(reader)).isTrue();
  }

  private static boolean ended(CaptureReader reader) {
    try {
      return reader.next().isEmpty() && reader.truncation().isEmpty();
    } catch (IOException e) {
      return false;
    }
  }

  @ParameterizedTest
  @MethodSource("orders")
  void readsSectionsAndInterfaces(ByteOrder order) throws IOException {
    FileOctets file = new FileOctets(order);
    file.section(
        file.body()
            .option(1, file.body().text("comment"))
            .option(99, file.body().text("unknown"))
            .option(2, file.body().text("hardware"))
            .option(3, file.body().text("os\0and more"))
            .option(4, file.body().text("application"))
            .int32(0));
    file.port(
        1,
        96,
        file.body()
            .option(2, file.body().text("eth0"))
            .option(3, file.body().text("uplink"))
            .option(4, file.body().hex("0a000001ffffff00"))
            .option(6, file.body().hex("00163e010203"))
            .option(8, file.body().int64(10_000_000_000L))
            .option(9, file.body().int8(0x94))
            .option(11, file.body().int8(0).text("arp"))
            .option(13, file.body().int8(4))
            .option(14, file.body().int64(-3)));
    CaptureReader reader = file.port().reader();
    assertThat(reader.next())
        .contains(new SectionHeader("hardware", "os", "application", "comment"));
    assertThat(reader.next())
        .contains(
            new InterfaceDescription(
                1,
                96,
                "eth0",
                "uplink",
                Optional.of(MacAddress.parse("00:16:3e:01:02:03")),
                10_000_000_000L,
                "arp",
                4,
                new TimeResolution(0x94),
                -3));
    assertThat(reader.next())
        .contains(
            new InterfaceDescription(
                1,
                0,
                "",
                "",
                Optional.empty(),
                0,
                "",
                InterfaceDescription.UNKNOWN,
                TimeResolution.MICROSECONDS,
                0));
    assertEnds(reader);
  }

  @ParameterizedTest
  @MethodSource("orders")
  void readsPacketsWithTheirOptions(ByteOrder order) throws IOException {
    FileOctets file = new FileOctets(order);
    file.section().port().port(1, 0, file.body().option(9, file.body().int8(9)));
    file.packet(
        1,
        1_795_000_000_123_456_789L,
        "0102030405",
        60,
        file.body()
            .option(2, file.body().int32(0x0a05))
            .option(1, file.body().text("first"))
            .option(3, file.body().hex("0551ccc178"))
            .option(4, file.body().int64(3))
            .option(5, file.body().int64(0x1_0000_0002L))
            .option(6, file.body().int32(7))
            .option(7, file.body().hex("000102"))
            .option(1, file.body().text("second"))
            .option(0x8001, file.body().text("local"))
            .int32(0)
            .hex("ffffffff"));
    CaptureReader reader = file.packet(0, 1_795_000_000_123_456L, "").reader();
    CapturedPacket packet = packet(reader);
    assertThat(packet.interfaceId()).isEqualTo(1);
    assertThat(packet.description().resolution()).isEqualTo(TimeResolution.NANOSECONDS);
    assertThat(packet.time()).isEqualTo(1_795_000_000_123_456_789L);
    assertThat(hex(packet)).isEqualTo("0102030405");
    assertThat(packet.originalLength()).isEqualTo(60);
    assertThat(packet.flags()).isEqualTo(0x0a05);
    assertThat(packet.comments()).containsExactly("first", "second");
    assertThat(packet.hash()).contains(new byte[] {5, 0x51, (byte) 0xcc, (byte) 0xc1, 0x78});
    assertThat(packet.dropCount()).hasValue(3);
    assertThat(packet.packetId()).hasValue(0x1_0000_0002L);
    assertThat(packet.queue()).hasValue(7);
    assertThat(packet.verdict()).contains(new byte[] {0, 1, 2});
    assertThat(packet.options().codes()).containsExactly(2, 1, 3, 4, 5, 6, 7, 1, 0x8001);
    assertThat(packet.options().text(0x8001)).contains("local");
    CapturedPacket next = packet(reader);
    assertThat(next.time()).isEqualTo(1_795_000_000_123_456_000L);
    assertThat(next.data().byteSize()).isZero();
    assertThat(next.flags()).isZero();
    assertThat(next.comments()).isEmpty();
    assertThat(next.hash()).isEmpty();
    assertThat(next.dropCount()).isEmpty();
    assertThat(next.packetId()).isEmpty();
    assertThat(next.queue()).isEmpty();
    assertThat(next.verdict()).isEmpty();
    assertEnds(reader);
  }

  @ParameterizedTest
  @MethodSource("orders")
  void readsSimpleAndObsoletePacketBlocks(ByteOrder order) throws IOException {
    FileOctets file = new FileOctets(order);
    file.section().port(1, 6, file.body()).port();
    file.block(3, file.body().int32(5).hex("0102030405").padded());
    file.block(3, file.body().int32(60).hex("010203040506").padded());
    file.block(
        2,
        file.body()
            .int16(1)
            .int16(0xffff)
            .time(7)
            .int32(4)
            .int32(4)
            .hex("0a0b0c0d")
            .option(2, file.body().int32(2)));
    CaptureReader reader = file.reader();
    CapturedPacket simple = packet(reader);
    assertThat(hex(simple)).isEqualTo("0102030405");
    assertThat(simple.time()).isEqualTo(CapturedPacket.NO_TIME);
    assertThat(simple.interfaceId()).isZero();
    CapturedPacket cut = packet(reader);
    assertThat(hex(cut)).isEqualTo("010203040506");
    assertThat(cut.originalLength()).isEqualTo(60);
    CapturedPacket obsolete = packet(reader);
    assertThat(hex(obsolete)).isEqualTo("0a0b0c0d");
    assertThat(obsolete.interfaceId()).isEqualTo(1);
    assertThat(obsolete.time()).isEqualTo(7000);
    assertThat(obsolete.flags()).isEqualTo(PacketFlags.OUTBOUND);
    assertEnds(reader);
  }

  @ParameterizedTest
  @MethodSource("orders")
  void readsNamesAndStatistics(ByteOrder order) throws IOException {
    FileOctets file = new FileOctets(order);
    file.section().port(1, 0, file.body().option(14, file.body().int64(100)));
    file.block(
        4,
        file.body()
            .option(1, file.body().hex("0a000001").text("one\0").text("eins\0").text("\0"))
            .option(4, file.body().hex("0102030405060708").text("eui64\0"))
            .option(2, file.body().hex("fe800000000000000000000000000001").text("two"))
            .option(3, file.body().hex("00163e010203").text("three\0"))
            .int32(0)
            .option(2, file.body().text("dns")));
    file.block(4, file.body().option(1, file.body().hex("0a000002").text("no end\0")));
    file.block(
        5,
        file.body()
            .int32(0)
            .time(5_000_000)
            .option(2, file.body().time(1_000_000))
            .option(4, file.body().int64(9)));
    CaptureReader reader = file.reader();
    reader.next();
    reader.next();
    assertThat(reader.next())
        .contains(
            new NameResolution(
                List.of(
                    new NameRecord.OfIp(InetAddress.getByName("10.0.0.1"), "one"),
                    new NameRecord.OfIp(InetAddress.getByName("10.0.0.1"), "eins"),
                    new NameRecord.OfIp(InetAddress.getByName("fe80::1"), "two"),
                    new NameRecord.OfMac(MacAddress.parse("00:16:3e:01:02:03"), "three"))));
    assertThat(reader.next())
        .contains(
            new NameResolution(
                List.of(new NameRecord.OfIp(InetAddress.getByName("10.0.0.2"), "no end"))));
    assertThat(reader.next())
        .contains(
            new InterfaceStatistics(0, 105_000_000_000L, 101_000_000_000L, -1, 9, -1, -1, -1, -1));
    assertEnds(reader);
  }

  @Test
  void readsSectionAfterSectionInAnyOrder() throws IOException {
    FileOctets big = new FileOctets(BIG_ENDIAN);
    FileOctets little = new FileOctets(LITTLE_ENDIAN);
    big.section().port().port().packet(1, 1, "01");
    little.section().port(1, 0, little.body().option(9, little.body().int8(9))).packet(0, 2, "02");
    CaptureReader reader = big.octets(little).octets(new FileOctets(BIG_ENDIAN).section()).reader();
    CapturedPacket packet = packet(reader);
    assertThat(hex(packet)).isEqualTo("01");
    assertThat(packet.time()).isEqualTo(1000);
    packet = packet(reader);
    assertThat(hex(packet)).isEqualTo("02");
    assertThat(packet.time()).isEqualTo(2);
    assertThat(reader.next()).contains(new SectionHeader("", "", "", ""));
    assertEnds(reader);
  }

  @Test
  void aSectionHasInterfacesOfItsOwn() {
    FileOctets file = new FileOctets(LITTLE_ENDIAN);
    file.section().port().section();
    int start = file.size();
    assertFault(file.packet(0, 1, "01").reader(), start + 8, "interface 0 of 0 that are described");
  }

  @Test
  void passesOverBlocksThatItDoesNotKnow() throws IOException {
    FileOctets file = new FileOctets(LITTLE_ENDIAN);
    file.section();
    file.block(0x0000_000a, file.body().hex("544c534b 00000000"));
    file.block(0x8000_0001, file.body());
    CaptureReader reader = file.port().packet(0, 1, "01").reader();
    reader.next();
    assertThat(reader.next()).contains(new OtherBlock(10, 20));
    assertThat(reader.next()).contains(new OtherBlock(0x8000_0001, 12));
    assertThat(hex(packet(reader))).isEqualTo("01");
    assertEnds(reader);
  }

  @Test
  void passesOverSectionsOfOtherVersions() throws IOException {
    FileOctets file = new FileOctets(LITTLE_ENDIAN);
    FileOctets header = file.body().int32(0x1a2b3c4d).int16(2).int16(0).int64(-1);
    file.block(0x0a0d0d0a, header).packet(5, 1, "01");
    file.block(0x0a0d0d0a, file.body().int32(0x1a2b3c4d).int16(1).int16(2).int64(-1));
    CaptureReader reader = file.port().packet(0, 1, "02").reader();
    assertThat(reader.next()).contains(new OtherBlock(BlockType.SECTION_HEADER, 28));
    assertThat(reader.next()).contains(new OtherBlock(BlockType.ENHANCED_PACKET, 36));
    assertThat(hex(packet(reader))).isEqualTo("02");
    assertEnds(reader);
  }

  @ParameterizedTest
  @CsvSource({
    "0xa1b2c3d4, true, 1000",
    "0xa1b2c3d4, false, 1000",
    "0xa1b23c4d, true, 1",
    "0xa1b23c4d, false, 1"
  })
  void readsPcap(String magic, boolean big, long nanos) throws IOException {
    FileOctets file = new FileOctets(big ? BIG_ENDIAN : LITTLE_ENDIAN);
    file.pcap(Long.decode(magic), 1);
    file.int32(1_795_000_000).int32(999_999).int32(3).int32(60).hex("010203");
    file.int32(0xffff_ffffL).int32(0).int32(0).int32(0xffff_ffffL);
    CaptureReader reader = file.reader();
    assertThat(reader.next())
        .hasValueSatisfying(
            block ->
                assertThat(block)
                    .isInstanceOfSatisfying(
                        InterfaceDescription.class,
                        each -> {
                          assertThat(each.snapLength()).isEqualTo(262_144);
                          assertThat(each.linkType()).isEqualTo(1);
                          assertThat(each.fcsLength()).isEqualTo(InterfaceDescription.UNKNOWN);
                        }));
    CapturedPacket packet = packet(reader);
    assertThat(packet.time()).isEqualTo(1_795_000_000_000_000_000L + 999_999 * nanos);
    assertThat(hex(packet)).isEqualTo("010203");
    assertThat(packet.originalLength()).isEqualTo(60);
    assertThat(packet.options().codes()).isEmpty();
    packet = packet(reader);
    assertThat(packet.time()).isEqualTo(0xffff_ffffL * 1_000_000_000L);
    assertThat(packet.originalLength()).isEqualTo(0xffff_ffffL);
    assertEnds(reader);
  }

  @Test
  void tellsFramesFromTheirCheckSequences() throws IOException {
    FileOctets pcap = new FileOctets(LITTLE_ENDIAN).pcap(0xa1b2_c3d4L, 0x2400_0001);
    pcap.int32(0).int32(0).int32(6).int32(6).hex("010203040506");
    pcap.int32(0).int32(0).int32(6).int32(9).hex("010203040506");
    pcap.int32(0).int32(0).int32(3).int32(3).hex("010203");
    CaptureReader reader = pcap.reader();
    assertThat(packet(reader).frameLength()).isEqualTo(2);
    assertThat(packet(reader).frameLength()).isEqualTo(5);
    assertThat(packet(reader).frameLength()).isZero();
    FileOctets file = new FileOctets(LITTLE_ENDIAN);
    file.section().port(1, 0, file.body().option(13, file.body().int8(32)));
    file.packet(0, 1, "0102030405060708", 8, file.body());
    file.packet(0, 1, "0102030405060708", 8, file.body().option(2, file.body().int32(2 << 5)));
    file.port().packet(1, 1, "0102030405060708", 8, file.body());
    reader = file.reader();
    assertThat(packet(reader).frameLength()).isEqualTo(4);
    assertThat(packet(reader).frameLength()).isEqualTo(6);
    assertThat(packet(reader).frameLength()).isEqualTo(8);
  }

  @Test
  void aPacketIsNeverShorterThanWhatWasCaptured() throws IOException {
    FileOctets file = new FileOctets(BIG_ENDIAN).section().port();
    assertThat(packet(file.packet(0, 1, "0102", 1, file.body()).reader()).originalLength())
        .isEqualTo(2);
    FileOctets pcap = new FileOctets(BIG_ENDIAN).pcap(0xa1b2_c3d4L, 1);
    pcap.int32(0).int32(0).int32(2).int32(1).hex("0102");
    assertThat(packet(pcap.reader()).originalLength()).isEqualTo(2);
  }

  @Test
  void refusesOtherLinkTypes() {
    FileOctets file = new FileOctets(LITTLE_ENDIAN).section().port();
    int start = file.size();
    assertFault(
        file.port(113, 0, file.body()).reader(),
        start + 8,
        "interface 1 has link type 113; only Ethernet, 1, is read");
    assertFault(
        new FileOctets(BIG_ENDIAN).pcap(0xa1b2_c3d4L, 276).reader(),
        20,
        "the link type is 276; only Ethernet, 1, is read");
  }

  @Test
  void refusesWhatIsNoCaptureFile() {
    FileOctets file = new FileOctets(BIG_ENDIAN);
    assertFault(
        file.text("#!/bin/sh\n").reader(),
        0,
        "neither pcapng nor pcap: the file begins with 0x23212f62");
    assertFault(
        new FileOctets(BIG_ENDIAN).block(0x0a0d0d0a, file.body().int32(0x1a2b3c4e)).reader(),
        8,
        "a section has no byte order: 0x1a2b3c4e");
    assertFault(
        new FileOctets(BIG_ENDIAN).int32(0xa1b2_c3d4L).int16(2).int16(3).int64(0).int64(0).reader(),
        4,
        "version 2.3 of pcap; only 2.4 is read");
    assertFault(
        new FileOctets(BIG_ENDIAN).pcap(0xa1b2_c3d4L, 0x0001_0001).reader(),
        20,
        "reserved bits are set: 0x00010001");
  }

  @Test
  void refusesBlocksWhoseLengthsAreWrong() {
    for (ByteOrder order : List.of(BIG_ENDIAN, LITTLE_ENDIAN)) {
      FileOctets file = new FileOctets(order).section().port();
      int start = file.size();
      byte[] before = file.toArray();
      assertFault(file.int32(6).int32(11).int32(0).reader(), start + 4, "no block has 11 octets");
      assertFault(
          again(order, before).int32(6).int32(0).int32(0).reader(),
          start + 4,
          "no block has 0 octets");
      assertFault(
          again(order, before).int32(6).int32(14).int64(0).int64(0).reader(),
          start + 4,
          "no block has 14 octets");
      assertFault(
          again(order, before).int32(99).int32(0xffff_fffcL).int32(0).reader(),
          start + 4,
          "a block of 4294967292 octets; at most 16777216 are read");
      assertFault(
          again(order, before).int32(99).int32(16).int32(0).int32(17).reader(),
          start + 12,
          "a block of 16 octets says at its end that it has 17");
    }
    FileOctets pcap = new FileOctets(BIG_ENDIAN).pcap(0xa1b2_c3d4L, 1);
    assertFault(
        pcap.int32(0).int32(0).int32(0xffff_fff0L).int32(0).reader(),
        24 + 8,
        "a packet of 4294967280 octets; at most 16777200 are read");
  }

  private static FileOctets again(ByteOrder order, byte[] before) {
    return new FileOctets(order).hex(HexFormat.of().formatHex(before));
  }

  @Test
  void refusesWhatGoesBeyondItsBlock() {
    FileOctets start = new FileOctets(LITTLE_ENDIAN).section().port();
    byte[] before = start.toArray();
    int at = before.length + 8;
    FileOctets none = start.body();
    assertFault(
        again(LITTLE_ENDIAN, before)
            .block(6, none.body().int32(0).time(1).int32(5).int32(5).int32(0))
            .reader(),
        at + 20,
        "the packet goes beyond the end of its block");
    assertFault(
        again(LITTLE_ENDIAN, before)
            .block(6, none.body().int32(0).time(1).int32(-1).int32(5).int32(0))
            .reader(),
        at + 20,
        "the packet goes beyond the end of its block");
    assertFault(
        again(LITTLE_ENDIAN, before).block(6, none.body().int32(0).time(1)).reader(),
        at + 12,
        "a field goes beyond the end of its block");
    assertFault(
        again(LITTLE_ENDIAN, before).block(3, none.body().int32(0xffff_ffffL)).reader(),
        at + 4,
        "the packet goes beyond the end of its block");
    assertFault(
        again(LITTLE_ENDIAN, before)
            .packet(0, 1, "01020304", 4, none.body().int16(1).int16(5).int32(0))
            .reader(),
        at + 28,
        "an option goes beyond the end of its block");
    assertFault(
        again(LITTLE_ENDIAN, before).block(4, none.body().int16(1).int16(9).int64(0)).reader(),
        at + 4,
        "a name record goes beyond the end of its block");
    assertFault(
        new FileOctets(LITTLE_ENDIAN).block(0x0a0d0d0a, none.body().int32(0x1a2b3c4d)).reader(),
        8,
        "a section header goes beyond the end of its block");
    assertFault(
        again(LITTLE_ENDIAN, before).block(1, none.body().int32(1)).reader(),
        at + 4,
        "a field goes beyond the end of its block");
  }

  @Test
  void refusesOptionsOfWrongLengths() {
    FileOctets file = new FileOctets(LITTLE_ENDIAN).section().port();
    int at = file.size() + 8 + 20 + 4;
    assertFault(
        file.packet(0, 1, "01020304", 4, file.body().option(2, file.body().int16(1))).reader(),
        at,
        "option 2 of a block of type 6 has 2 octets");
    FileOctets port = new FileOctets(LITTLE_ENDIAN).section();
    assertFault(
        port.port(1, 0, port.body().option(9, port.body())).reader(),
        28 + 8 + 8,
        "option 9 of a block of type 1 has 0 octets");
    FileOctets names = new FileOctets(LITTLE_ENDIAN).section();
    assertFault(
        names.block(4, names.body().option(2, names.body().int64(1))).reader(),
        28 + 8,
        "a name record of type 2 has 8 octets");
  }

  @Test
  void refusesMoreInterfacesThanItCanKeep() {
    FileOctets file = new FileOctets(LITTLE_ENDIAN).section();
    FileOctets port = new FileOctets(LITTLE_ENDIAN).port();
    int most = CaptureReader.MAX_BLOCK / 256;
    for (int i = 0; i <= most; i++) {
      file.octets(port);
    }
    assertFault(file.reader(), 28 + most * (long) port.size() + 8, "too many interfaces: 65536");
  }

  @Test
  void readsTheLongestBlockOnly() throws IOException {
    FileOctets file = new FileOctets(LITTLE_ENDIAN).section().port();
    int longest = CaptureReader.MAX_BLOCK - 32;
    CaptureReader reader = file.packet(0, 1, "ab".repeat(longest)).reader();
    assertThat(packet(reader).data().byteSize()).isEqualTo(longest);
    assertEnds(reader);
  }

  /// A stream that gives one octet at a time.
  @Test
  void readsFromAStreamThatGivesLittle() throws IOException {
    byte[] octets = SampleCapture.make().octets();
    InputStream slow =
        new ByteArrayInputStream(octets) {
          @Override
          public int read(byte[] to, int offset, int length) {
            return super.read(to, offset, 1);
          }
        };
    List<Long> times = new ArrayList<>();
    try (CaptureReader reader = new CaptureReader(slow)) {
      for (Optional<CapturedPacket> packet = reader.nextPacket();
          packet.isPresent();
          packet = reader.nextPacket()) {
        times.add(packet.get().time() - SampleCapture.START);
      }
      assertThat(reader.truncation()).isEmpty();
    }
    assertThat(times).containsExactly(0L, 1L, 1000L, 1001L, 1001L);
  }

  @Test
  void saysWhereAFileEndsWithinABlock() throws IOException {
    byte[] octets = SampleCapture.make().octets();
    CaptureReader reader = new CaptureReader(new ByteArrayInputStream(octets, 0, 160));
    assertThat(reader.nextPacket()).isEmpty();
    assertThat(reader.truncation()).contains(new Truncation(148, 12));
    assertThat(reader.truncation().orElseThrow())
        .hasToString("the file ends within the block at octet 148, of which 12 octets are there");
    CaptureReader empty = new CaptureReader(InputStream.nullInputStream());
    assertThat(empty.next()).isEmpty();
    assertThat(empty.truncation()).contains(new Truncation(0, 0));
    FileOctets pcap = new FileOctets(BIG_ENDIAN).pcap(0xa1b2_c3d4L, 1);
    pcap.int32(0).int32(0).int32(2).int32(1).hex("0102").int32(1);
    CaptureReader old = pcap.reader();
    assertThat(hex(packet(old))).isEqualTo("0102");
    assertThat(old.next()).isEmpty();
    assertThat(old.truncation()).contains(new Truncation(42, 4));
  }
}
