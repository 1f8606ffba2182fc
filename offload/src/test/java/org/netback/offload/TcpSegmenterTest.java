package org.netback.offload;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.offload.Packets.Shape;
import org.netback.offload.TcpSegmenter.Outcome;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.GsoType;
import org.netback.packet.Headers;
import org.netback.properties.Property;
import org.netback.properties.Sample;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV6Packet;
import org.pcap4j.packet.Packet;
import org.pcap4j.packet.TcpPacket;

class TcpSegmenterTest {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 2, 1 << 18);
  private final FrameArena segments = new FrameArena(Arena.ofAuto(), 300, 1 << 20);
  private final Headers headers = new Headers();
  private final TcpSegmenter segmenter = new TcpSegmenter();

  private Frame whole(byte[] octets, GsoType type, int size) {
    arena.clear();
    segments.clear();
    Frame frame = Packets.frame(arena, octets);
    frame.setGso(type, size);
    headers.parse(frame);
    TransportChecksum.blank(frame, headers);
    return frame;
  }

  private List<Frame> all(boolean complete) {
    List<Frame> result = new ArrayList<>();
    while (segmenter.hasNext()) {
      int length = segmenter.nextLength();
      Frame next = segmenter.next(segments, complete);
      assertThat(next.length()).isEqualTo(length);
      result.add(next);
    }
    return result;
  }

  @Test
  void segmentThenReassembleIsTheIdentity() {
    Property.holds(300, this::segmentThenReassemble);
  }

  private void segmentThenReassemble(Sample sample) {
    boolean ipv6 = sample.anyBoolean();
    boolean complete = sample.anyBoolean();
    int tags = sample.between(0, 2);
    int ipOptions = sample.between(0, 3);
    int tcpOptions = sample.between(0, 5);
    int payload = sample.between(2, 20_000);
    int size = sample.between(1, Math.min(3000, payload - 1));
    int gsoSize = Math.max(size, payload / TcpSegmenter.MAX_SEGMENTS + 1);
    Shape shape = new Shape(ipv6, false, tags, ipOptions, tcpOptions, payload);
    byte[] octets = Packets.build(shape);
    Frame whole = whole(octets, ipv6 ? GsoType.TCPV6 : GsoType.TCPV4, gsoSize);
    assertThat(segmenter.begin(whole, headers)).isEqualTo(Outcome.READY);
    List<Frame> frames = all(complete);
    assertThat(frames).hasSize((payload + gsoSize - 1) / gsoSize);
    assertThat(segmenter.hasNext()).isFalse();

    Packet original = Packets.dissect(octets);
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (int i = 0; i < frames.size(); i++) {
      Frame frame = frames.get(i);
      boolean last = i == frames.size() - 1;
      assertThat(frame.gso()).isEqualTo(GsoType.NONE);
      assertThat(frame.length() - shape.headersLength())
          .isEqualTo(last ? payload - i * gsoSize : gsoSize);
      if (complete) {
        assertThat(frame.checksum()).isEqualTo(ChecksumState.VALIDATED);
      } else {
        assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
        assertBlankIsRight(frame);
      }
      Packet packet = Packets.dissect(frame);
      assertThat(Packets.wrongChecksums(packet)).isEmpty();
      assertHeaders(original, packet, i, data.size(), last);
      data.writeBytes(packet.get(TcpPacket.class).getPayload().getRawData());
    }
    assertThat(data.toByteArray()).isEqualTo(Packets.payload(payload));
  }

  /// Completes it the way Linux does, trusting the field.
  private static void assertBlankIsRight(Frame frame) {
    Headers own = new Headers().parse(frame);
    int sum =
        org.netback.packet.InternetChecksum.sum(
            frame, own.transportOffset(), frame.length() - own.transportOffset());
    frame.putU16(own.checksumOffset(), TransportChecksum.field(sum));
  }

  private static void assertHeaders(
      Packet original, Packet packet, int index, int offset, boolean last) {
    TcpPacket.TcpHeader tcp = packet.get(TcpPacket.class).getHeader();
    TcpPacket.TcpHeader first = original.get(TcpPacket.class).getHeader();
    assertThat(tcp.getSequenceNumber()).isEqualTo(Packets.SEQUENCE + offset);
    assertThat(tcp.getAcknowledgmentNumber()).isEqualTo(77);
    assertThat(tcp.getAck()).isTrue();
    assertThat(tcp.getFin()).isEqualTo(last);
    assertThat(tcp.getPsh()).isEqualTo(last);
    assertThat(tcp.getOptions()).isEqualTo(first.getOptions());
    assertThat(tcp.getReserved() & 1).describedAs("ECE").isEqualTo(1);
    assertThat(tcp.getReserved() & 2).describedAs("CWR").isEqualTo(index == 0 ? 2 : 0);
    IpV4Packet v4 = packet.get(IpV4Packet.class);
    if (v4 != null) {
      assertThat(v4.getHeader().getIdentificationAsInt())
          .isEqualTo((Packets.IDENTIFICATION + index) & 0xffff);
      assertThat(v4.getHeader().getDontFragmentFlag()).isTrue();
      assertThat(v4.getHeader().getTotalLengthAsInt()).isEqualTo(v4.length());
      assertThat(v4.getHeader().getOptions())
          .isEqualTo(original.get(IpV4Packet.class).getHeader().getOptions());
    } else {
      IpV6Packet v6 = packet.get(IpV6Packet.class);
      assertThat(v6.getHeader().getPayloadLengthAsInt()).isEqualTo(v6.length() - 40);
      assertThat(v6.getHeader().getFlowLabel())
          .isEqualTo(original.get(IpV6Packet.class).getHeader().getFlowLabel());
    }
  }

  @Test
  void cutsTheLargestFrame() {
    int payload = 65535 - 54;
    Frame whole = whole(Packets.build(Shape.tcp(false, payload - 14)), GsoType.TCPV4, 1448);
    assertThat(segmenter.begin(whole, headers)).isEqualTo(Outcome.READY);
    List<Frame> frames = all(true);
    assertThat(frames).hasSize(46);
    assertThat(frames)
        .allSatisfy(f -> assertThat(Packets.wrongChecksums(Packets.dissect(f))).isEmpty());
  }

  @Test
  void writesTheOctetsThatWereWorkedOutByHand() {
    byte[] octets =
        HexFormat.of()
            .parseHex(
                "020000000002"
                    + "020000000001"
                    + "0800"
                    + "4500"
                    + "002c"
                    + "0001"
                    + "4000"
                    + "4006"
                    + "0000"
                    + "0a000001"
                    + "0a000002"
                    + "03e8"
                    + "07d0"
                    + "00000010"
                    + "00000000"
                    + "5018"
                    + "0100"
                    + "0000"
                    + "0000"
                    + "01020304");
    Frame whole = whole(octets, GsoType.TCPV4, 3);
    assertThat(segmenter.begin(whole, headers)).isEqualTo(Outcome.READY);
    List<Frame> frames = all(true);
    assertThat(frames).hasSize(2);
    // 4500+002b+0001+4000+4006 + 0a00+0001+0a00+0002 = d935, complement 26ca
    assertThat(HexFormat.of().formatHex(Packets.octets(frames.get(0)), 14, 34))
        .isEqualTo("4500002b00014000400626ca0a0000010a000002");
    assertThat(HexFormat.of().formatHex(Packets.octets(frames.get(1)), 14, 34))
        .isEqualTo("45000029000240004006" + "26cb" + "0a0000010a000002");
    // 1403+0006+0017 + 03e8+07d0+0010+5010+0100 + 0102+0300 = 74fa, complement 8b05
    assertThat(HexFormat.of().formatHex(Packets.octets(frames.get(0)), 34, 57))
        .isEqualTo("03e807d0000000100000000050100100" + "8b05" + "0000" + "010203");
    // 1403+0006+0015 + 03e8+07d0+0013+5018+0100 + 0400 = 7501, complement 8afe
    assertThat(HexFormat.of().formatHex(Packets.octets(frames.get(1)), 34, 55))
        .isEqualTo("03e807d0000000130000000050180100" + "8afe" + "0000" + "04");
  }

  @Test
  void whatFitsOneSegmentNeedsNone() {
    Frame frame = whole(Packets.build(Shape.tcp(true, 1000)), GsoType.TCPV6, 1000);
    assertThat(segmenter.begin(frame, headers)).isEqualTo(Outcome.FITS);
    assertThat(segmenter.hasNext()).isFalse();
    frame = whole(Packets.build(Shape.tcp(true, 1000)), GsoType.TCPV6, 65535);
    assertThat(segmenter.begin(frame, headers)).isEqualTo(Outcome.FITS);
    frame = whole(Packets.build(Shape.tcp(true, 0)), GsoType.TCPV6, 1);
    assertThat(segmenter.begin(frame, headers)).isEqualTo(Outcome.FITS);
  }

  @Test
  void boundsTheSegmentsOfAHostileSize() {
    Frame frame = whole(Packets.build(Shape.tcp(false, 257)), GsoType.TCPV4, 1);
    assertThat(segmenter.begin(frame, headers)).isEqualTo(Outcome.TOO_MANY);
    frame = whole(Packets.build(Shape.tcp(false, 256)), GsoType.TCPV4, 1);
    assertThat(segmenter.begin(frame, headers)).isEqualTo(Outcome.READY);
    assertThat(all(true)).hasSize(256);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, -1, 65536, Integer.MAX_VALUE, Integer.MIN_VALUE})
  void refusesSizesThatAreNone(int size) {
    Frame frame = whole(Packets.build(Shape.tcp(false, 500)), GsoType.TCPV4, size);
    assertThat(segmenter.begin(frame, headers)).isEqualTo(Outcome.BAD_SIZE);
    assertThat(segmenter.hasNext()).isFalse();
  }

  @Test
  void refusesAMarkThatTheHeadersContradict() {
    Frame udp = whole(Packets.build(Shape.udp(false, 500)), GsoType.TCPV4, 100);
    assertThat(segmenter.begin(udp, headers)).isEqualTo(Outcome.MISMATCH);
    Frame v6 = whole(Packets.build(Shape.tcp(true, 500)), GsoType.TCPV4, 100);
    assertThat(segmenter.begin(v6, headers)).isEqualTo(Outcome.MISMATCH);
    Frame v4 = whole(Packets.build(Shape.tcp(false, 500)), GsoType.TCPV6, 100);
    assertThat(segmenter.begin(v4, headers)).isEqualTo(Outcome.MISMATCH);
    Frame unmarked = whole(Packets.build(Shape.tcp(false, 500)), GsoType.NONE, 0);
    assertThat(segmenter.begin(unmarked, headers)).isEqualTo(Outcome.NOT_MARKED);
  }
}
