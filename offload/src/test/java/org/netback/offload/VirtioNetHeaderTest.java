package org.netback.offload;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.offload.Packets.Shape;
import org.netback.offload.VirtioNetHeader.Outcome;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
import org.netback.properties.Property;

class VirtioNetHeaderTest {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 2, 1 << 18);
  private final Headers headers = new Headers();

  @BeforeEach
  void vectorsAreLittleEndian() {
    Assumptions.assumeTrue(
        ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN,
        "the header has the machine's byte order, the vectors are little-endian");
  }

  /// A frame among what others have left in its memory.
  private Frame frame(byte[] octets) {
    arena.clear();
    Frame frame = Packets.frame(arena, octets);
    frame.memory().asSlice(frame.offset() - 12, 12).fill((byte) 0xa5);
    frame.memory().asSlice(frame.offset() + octets.length, 4096).fill((byte) 0xa5);
    return frame;
  }

  private Frame frameWithHeader(byte[] octets, String hex) {
    Frame frame = frame(octets);
    byte[] header = HexFormat.of().parseHex(hex);
    assertThat(header).hasSize(VirtioNetHeader.SIZE);
    MemorySegment.copy(MemorySegment.ofArray(header), 0, frame.memory(), frame.offset() - 12, 12);
    return frame;
  }

  private static String header(Frame frame) {
    return HexFormat.of()
        .formatHex(frame.memory().asSlice(frame.offset() - 12, 12).toArray(ValueLayout.JAVA_BYTE));
  }

  private Frame blank(byte[] octets) {
    Frame frame = frame(octets);
    TransportChecksum.blank(frame, headers.parse(frame));
    return frame;
  }

  @Test
  void aPlainFrameHasAnEmptyHeader() {
    Frame frame = frame(Packets.build(Shape.tcp(false, 10)));
    assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.OK);
    assertThat(header(frame)).isEqualTo("000000000000000000000000");
    frame.setChecksum(ChecksumState.VALIDATED);
    assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.OK);
    assertThat(header(frame)).isEqualTo("020000000000000000000000");
  }

  @Test
  void aBlankChecksumNamesItsPlace() {
    Frame tcp = blank(Packets.build(Shape.tcp(false, 10)));
    assertThat(VirtioNetHeader.write(tcp)).isEqualTo(Outcome.OK);
    assertThat(header(tcp)).isEqualTo("0100" + "0000" + "0000" + "2200" + "1000" + "0000");
    Frame udp = blank(Packets.build(Shape.udp(true, 10).withTags(1)));
    assertThat(VirtioNetHeader.write(udp)).isEqualTo(Outcome.OK);
    assertThat(header(udp)).isEqualTo("0100" + "0000" + "0000" + "3a00" + "0600" + "0000");
  }

  @Test
  void aFrameToBeSegmentedNamesItsSizeAndItsCongestionSignal() {
    byte[] octets = Packets.build(Shape.tcp(false, 5000));
    Frame frame = blank(octets);
    frame.setGso(GsoType.TCPV4, 1448);
    assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.OK);
    assertThat(header(frame)).isEqualTo("0181" + "3600" + "a805" + "2200" + "1000" + "0000");
    frame.putU8(47, frame.u8(47) & 0x7f);
    assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.OK);
    assertThat(header(frame)).startsWith("0101");
  }

  @Test
  void aFrameToBeSegmentedIsAlwaysBlank() {
    Frame frame = frame(Packets.build(Shape.tcp(true, 5000)));
    frame.setGso(GsoType.TCPV6, 1428);
    assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.OK);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(header(frame)).isEqualTo("0184" + "4a00" + "9405" + "3600" + "1000" + "0000");
  }

  @Test
  void refusesToWriteWhatTheKernelWouldRefuse() {
    byte[] icmp = Packets.build(Shape.tcp(false, 100));
    icmp[23] = 1;
    Frame frame = frame(icmp);
    frame.setChecksum(ChecksumState.BLANK);
    assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.NO_TRANSPORT);
    frame.setGso(GsoType.TCPV4, 10);
    assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.GSO_MISMATCH);
    Frame v6 = frame(Packets.build(Shape.tcp(true, 100)));
    v6.setGso(GsoType.TCPV4, 10);
    assertThat(VirtioNetHeader.write(v6)).isEqualTo(Outcome.GSO_MISMATCH);
    v6.setGso(GsoType.TCPV6, 0);
    assertThat(VirtioNetHeader.write(v6)).isEqualTo(Outcome.GSO_SIZE_ZERO);
  }

  @Test
  void whatIsWrittenReadsBackTheSame() {
    Property.holds(
        200,
        sample -> {
          boolean ipv6 = sample.anyBoolean();
          boolean udp = sample.anyBoolean();
          ChecksumState state = sample.oneOf(ChecksumState.values());
          ChecksumState earlier = sample.oneOf(ChecksumState.values());
          boolean gso = sample.anyBoolean();
          int tags = sample.between(0, 2);
          int size = sample.between(1, 65535);
          Frame frame = frame(Packets.build(Shape.tcp(ipv6, 100).withTags(tags)));
          if (udp) {
            frame = frame(Packets.build(Shape.udp(ipv6, 100).withTags(tags)));
          }
          boolean segmented = gso && !udp;
          frame.setChecksum(segmented ? ChecksumState.BLANK : state);
          if (segmented) {
            frame.setGso(ipv6 ? GsoType.TCPV6 : GsoType.TCPV4, size);
          }
          assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.OK);
          ChecksumState checksum = frame.checksum();
          GsoType type = frame.gso();
          byte[] before = Packets.octets(frame);
          frame.setGso(GsoType.NONE, 9);
          frame.setChecksum(earlier);
          assertThat(VirtioNetHeader.read(frame)).isEqualTo(Outcome.OK);
          assertThat(frame.checksum()).isEqualTo(checksum);
          assertThat(frame.gso()).isEqualTo(type);
          assertThat(frame.gsoSize()).isEqualTo(segmented ? size : 0);
          assertThat(Packets.octets(frame)).isEqualTo(before);
        });
  }

  @Test
  void completesAtOnceWhatIsInsideAnEncapsulation() {
    // A frame in UDP, as VXLAN does it; the checksum to be completed is that of the inner TCP.
    byte[] inner = Packets.build(Shape.tcp(false, 33));
    byte[] blanked = Packets.octets(blank(inner));
    byte[] octets = Packets.build(Shape.udp(false, blanked.length), blanked);
    int start = 42 + 34;
    Frame frame =
        frameWithHeader(
            octets,
            "0100"
                + "0000"
                + "0000"
                + HexFormat.of().toHexDigits((byte) start)
                + "00100000"
                + "00");
    assertThat(VirtioNetHeader.read(frame)).isEqualTo(Outcome.OK);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.VALIDATED);
    byte[] result = Packets.octets(frame);
    assertThat(java.util.Arrays.copyOfRange(result, 42, result.length)).isEqualTo(inner);
  }

  @Test
  void completesAtOnceWhatIsNeitherTcpNorUdp() {
    byte[] octets = Packets.build(Shape.tcp(false, 33));
    octets[23] = (byte) 132;
    Frame frame = frameWithHeader(octets, "0100" + "0000" + "0000" + "2200" + "0800" + "0000");
    assertThat(VirtioNetHeader.read(frame)).isEqualTo(Outcome.OK);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.VALIDATED);
    assertThat(org.netback.packet.InternetChecksum.sum(frame, 34, frame.length() - 34))
        .isEqualTo(0xffff);
  }

  @Test
  void blanksAFrameToBeSegmentedThatCameWithAChecksum() {
    Frame frame =
        frameWithHeader(
            Packets.build(Shape.tcp(false, 5000)), "0001" + "3600" + "a805" + "0000" + "00000000");
    assertThat(VirtioNetHeader.read(frame)).isEqualTo(Outcome.OK);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(frame.gsoSize()).isEqualTo(1448);
    assertThat(frame.u16(50)).isEqualTo(frame.headers().pseudoHeader(frame, 5020));
  }

  @Test
  void saysWhatIsWrongWithAHeader() {
    byte[] tcp = Packets.build(Shape.tcp(false, 500));
    assertRead(tcp, "0103" + "0000" + "6400" + "2200" + "10000000", Outcome.UNSUPPORTED_GSO);
    assertRead(tcp, "0105" + "0000" + "6400" + "2200" + "10000000", Outcome.UNSUPPORTED_GSO);
    assertRead(tcp, "0102" + "0000" + "6400" + "2200" + "10000000", Outcome.UNSUPPORTED_GSO);
    assertRead(tcp, "0101" + "0000" + "0000" + "2200" + "10000000", Outcome.GSO_SIZE_ZERO);
    assertRead(tcp, "0104" + "0000" + "6400" + "2200" + "10000000", Outcome.GSO_MISMATCH);
    assertRead(tcp, "0101" + "0000" + "6400" + "2300" + "10000000", Outcome.GSO_MISMATCH);
    assertRead(tcp, "0101" + "0000" + "6400" + "2200" + "06000000", Outcome.GSO_MISMATCH);
    assertRead(tcp, "0100" + "0000" + "0000" + "0000" + "10000000", Outcome.CHECKSUM_OUTSIDE);
    assertRead(tcp, "0100" + "0000" + "0000" + "ffff" + "ffff0000", Outcome.CHECKSUM_OUTSIDE);
    // The first place that is not in the Ethernet header, and the one ahead of it.
    assertRead(tcp, "0100" + "0000" + "0000" + "0e00" + "10000000", Outcome.OK);
    assertRead(tcp, "0100" + "0000" + "0000" + "0d00" + "11000000", Outcome.CHECKSUM_OUTSIDE);
    // The last place where the field still fits, and the one behind it: the frame has 554 octets.
    assertRead(tcp, "0100" + "0000" + "0000" + "2200" + "06020000", Outcome.OK);
    assertRead(tcp, "0100" + "0000" + "0000" + "2200" + "07020000", Outcome.CHECKSUM_OUTSIDE);
  }

  private void assertRead(byte[] octets, String hex, Outcome expected) {
    Frame frame = frameWithHeader(octets, hex);
    assertThat(VirtioNetHeader.read(frame)).describedAs(hex).isEqualTo(expected);
    if (expected != Outcome.OK) {
      assertThat(Packets.octets(frame)).isEqualTo(octets);
      assertThat(frame.gso()).isEqualTo(GsoType.NONE);
    }
  }

  @Test
  void anyHeaderBeforeAnyFrameHasAnAnswer() {
    Property.holds(
        5000,
        sample -> {
          byte[] header = sample.octets(12, 12);
          byte[] octets = sample.octets(0, 120);
          Frame frame = frameWithHeader(octets, HexFormat.of().formatHex(header));
          Outcome outcome = VirtioNetHeader.read(frame);
          if (outcome == Outcome.OK) {
            assertThat(VirtioNetHeader.write(frame)).isEqualTo(Outcome.OK);
          }
        });
  }
}
