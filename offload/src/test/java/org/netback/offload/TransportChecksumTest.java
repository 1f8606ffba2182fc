package org.netback.offload;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;
import org.netback.offload.Packets.Shape;
import org.netback.offload.TransportChecksum.Outcome;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.Headers;
import org.netback.properties.Property;
import org.pcap4j.packet.UdpPacket;

class TransportChecksumTest {
  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 4, 1 << 18);
  private final Headers headers = new Headers();

  private Frame blank(byte[] octets) {
    arena.clear();
    Frame frame = Packets.frame(arena, octets);
    assertThat(TransportChecksum.blank(frame, headers.parse(frame))).isEqualTo(Outcome.DONE);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
    return frame;
  }

  @Test
  void completesWhatPcap4jBuilt() {
    Property.holds(
        400,
        sample -> {
          boolean ipv6 = sample.anyBoolean();
          boolean udp = sample.anyBoolean();
          int tags = sample.between(0, 2);
          int options = sample.between(0, 3);
          int payload = sample.between(0, 1600);
          Shape shape = new Shape(ipv6, udp, tags, options, options, payload);
          byte[] octets = Packets.build(shape);
          Frame frame = blank(octets);
          assertThat(Packets.octets(frame)).isNotEqualTo(octets);
          assertThat(TransportChecksum.complete(frame, headers)).isEqualTo(Outcome.DONE);
          assertThat(frame.checksum()).isEqualTo(ChecksumState.VALIDATED);
          assertThat(Packets.octets(frame)).isEqualTo(octets);
          assertThat(Packets.wrongChecksums(Packets.dissect(frame))).isEmpty();
        });
  }

  @Test
  void aUdpChecksumOfZeroIsSentAsOnes() {
    boolean seen = false;
    for (int value = 0; value <= 0xffff && !seen; value++) {
      byte[] payload = {(byte) (value >> 8), (byte) value};
      Frame frame = blank(Packets.build(Shape.udp(false, 2), payload));
      TransportChecksum.complete(frame, headers);
      int field = frame.u16(headers.checksumOffset());
      assertThat(field).isNotZero();
      if (field == 0xffff) {
        seen = true;
        UdpPacket udp = Packets.dissect(frame).get(UdpPacket.class);
        assertThat(udp.getHeader().getChecksum()).isEqualTo((short) 0xffff);
      }
    }
    assertThat(seen).isTrue();
  }

  @Test
  void doesNotCountThePaddingOfAShortFrame() {
    byte[] octets = Packets.build(Shape.udp(false, 3));
    byte[] padded = java.util.Arrays.copyOf(octets, 60);
    padded[59] = 0x55;
    Frame frame = blank(padded);
    TransportChecksum.complete(frame, headers);
    assertThat(Packets.octets(frame)).isEqualTo(padded);
  }

  @Test
  void believesTheFieldUnderASourceRoute() {
    byte[] octets = Packets.build(Shape.tcp(false, 100).withOptions(2, 0));
    // A loose source route whose pseudo header has another destination than the header.
    octets[34] = (byte) 131;
    octets[35] = 7;
    octets[36] = 4;
    Frame frame = Packets.frame(arena, octets);
    headers.parse(frame);
    assertThat(headers.isRerouted()).isTrue();
    int pseudo = 0x1234;
    frame.putU16(headers.checksumOffset(), pseudo);
    frame.setChecksum(ChecksumState.BLANK);
    assertThat(TransportChecksum.complete(frame, headers)).isEqualTo(Outcome.DONE);
    int sum =
        org.netback.packet.InternetChecksum.sum(
            frame, headers.transportOffset(), headers.transportLength());
    assertThat(sum).isEqualTo(~pseudo & 0xffff);
  }

  @Test
  void saysWhyItCannotAndLeavesTheFrameAlone() {
    byte[] arp = Packets.build(Shape.tcp(false, 10));
    arp[12] = 8;
    arp[13] = 6;
    assertRefused(arp, Outcome.NO_TRANSPORT);

    byte[] icmp = Packets.build(Shape.tcp(false, 10));
    icmp[23] = 1;
    assertRefused(icmp, Outcome.NO_TRANSPORT);

    byte[] fragment = Packets.build(Shape.udp(false, 10));
    fragment[20] = 0x20;
    assertRefused(fragment, Outcome.FRAGMENT);

    byte[] cut = Packets.build(Shape.tcp(false, 10));
    cut[46] = (byte) 0xf0;
    assertRefused(cut, Outcome.MALFORMED);
  }

  private void assertRefused(byte[] octets, Outcome expected) {
    arena.clear();
    Frame frame = Packets.frame(arena, octets);
    frame.setChecksum(ChecksumState.BLANK);
    assertThat(TransportChecksum.complete(frame, headers.parse(frame))).isEqualTo(expected);
    assertThat(Packets.octets(frame)).isEqualTo(octets);
    assertThat(frame.checksum()).isEqualTo(ChecksumState.BLANK);
  }

  @Test
  void anyOctetsAreCompletedOrRefused() {
    Property.holds(
        2000,
        sample -> {
          byte[] octets = sample.octets(0, 120);
          arena.clear();
          Frame frame = Packets.frame(arena, octets);
          frame.setChecksum(ChecksumState.BLANK);
          Outcome outcome = TransportChecksum.complete(frame, headers.parse(frame));
          assertThat(frame.checksum() == ChecksumState.BLANK).isEqualTo(outcome != Outcome.DONE);
        });
  }
}
