package org.netback.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.netback.capture.filter.FilterProgram;
import org.netback.capture.pcapng.Block;
import org.netback.capture.pcapng.CaptureReader;
import org.netback.capture.pcapng.CapturedPacket;
import org.netback.capture.pcapng.InterfaceDescription;
import org.netback.capture.pcapng.InterfaceStatistics;
import org.netback.capture.pcapng.PacketFlags;
import org.netback.capture.pcapng.SectionHeader;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.MacAddress;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Forwarding;
import org.netback.vswitch.Observer;
import org.netback.vswitch.SwitchPort;

class PcapngSinkTest {
  private static final long TIME = 1_700_000_000_123_456_789L;
  private static final SectionHeader HEADER = new SectionHeader("host", "Linux", "netback", "why");

  /// UDP over IPv4 whose checksum is the sum of the pseudo header, 141e: with the ports, the length
  /// and the payload that makes c060, so 3f9f is right (RFC 768).
  private static final String UDP =
      "00163e000002 00163e000001 0800 4500001e00000000 401166cd 0a000001 0a000002"
          + " 0035 0036 000a 141e abcd";

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final SwitchPort port = Ports.attach("vif1.0");
  private final Recorder recorder =
      new Recorder(
          "capture",
          new CaptureChoice(
              EnumSet.allOf(CapturePoint.class),
              Set.of(),
              CaptureChoice.EVERY_QUEUE,
              FilterProgram.EVERYTHING,
              1000),
          100,
          1,
          8192,
          () -> TIME);

  private static Frame frame() {
    byte[] octets = HexFormat.of().parseHex(UDP.replace(" ", ""));
    Frame frame = new FrameArena(Arena.ofAuto(), 1, 4096).allocate(octets.length);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    return frame;
  }

  /// Writes what was recorded, and reads it back.
  private List<Block> written(PcapngSink.Checksums checksums, long lost) throws IOException {
    try (PcapngSink sink =
        new PcapngSink(
            Channels.newChannel(out),
            HEADER,
            1000,
            "udp",
            checksums,
            () -> TIME + 5,
            of ->
                new PortFacts(
                    "guest web, network " + of.network().name(),
                    Optional.of(new MacAddress(0x00163e000001L)),
                    1_000_000))) {
      CapturedFrame oldest = recorder.oldest().getFirst();
      while (oldest.next()) {
        sink.frame(oldest, lost);
        oldest.release();
      }
      sink.end(new CaptureStatistics(9, 99, lost));
    }
    List<Block> blocks = new ArrayList<>();
    try (CaptureReader reader = new CaptureReader(new ByteArrayInputStream(out.toByteArray()))) {
      for (Optional<Block> next = reader.next(); next.isPresent(); next = reader.next()) {
        blocks.add(next.get());
      }
      assertThat(reader.truncation()).isEmpty();
    }
    return blocks;
  }

  private static List<CapturedPacket> packets(List<Block> blocks) {
    return blocks.stream()
        .filter(CapturedPacket.class::isInstance)
        .map(CapturedPacket.class::cast)
        .toList();
  }

  @Test
  void aPacketHasWhatTheSwitchKnowsOfIt() throws IOException {
    Frame frame = frame();
    recorder.ingress(port, 2, frame);
    recorder.forwarded(port, 2, frame, Forwarding.Flood.ALL_BUT_INGRESS);
    recorder.egress(port, 1, frame);
    recorder.dropped(port, Observer.NO_QUEUE, frame, DropReason.NO_EGRESS);
    recorder.rejected(port, 0, 70_000, "too many slots");
    List<Block> blocks = written(PcapngSink.Checksums.COMPLETED, 7);
    assertThat(blocks.getFirst()).isEqualTo(HEADER);
    assertThat(blocks.get(1))
        .isEqualTo(
            InterfaceDescription.ofPort(
                1000,
                "vif1.0",
                "guest web, network test",
                Optional.of(new MacAddress(0x00163e000001L)),
                1_000_000,
                "udp"));
    OptionalLong number = OptionalLong.of(frame.number());
    assertThat(packets(blocks))
        .extracting(
            CapturedPacket::packetId,
            CapturedPacket::queue,
            packet -> packet.flags() & 3,
            packet -> packet.comments().getFirst(),
            CapturedPacket::dropCount)
        .containsExactly(
            tuple(number, OptionalInt.of(2), 1, "from-guest", OptionalLong.of(7)),
            tuple(
                number, OptionalInt.of(2), 1, "forwarded to ALL_BUT_INGRESS", OptionalLong.empty()),
            tuple(number, OptionalInt.of(1), 2, "to-guest", OptionalLong.empty()),
            tuple(number, OptionalInt.empty(), 0, "dropped: NO_EGRESS", OptionalLong.empty()),
            tuple(
                OptionalLong.empty(),
                OptionalInt.of(0),
                1,
                "rejected: too many slots",
                OptionalLong.empty()));
    assertThat(packets(blocks).get(3).verdict().orElseThrow())
        .containsExactly(0, CapturePoint.DROPPED.ordinal(), DropReason.NO_EGRESS.ordinal() + 1);
    assertThat(packets(blocks).getFirst().time()).isEqualTo(TIME);
    assertThat(blocks.getLast())
        .isEqualTo(new InterfaceStatistics(0, TIME + 5, TIME + 5, TIME + 5, -1, -1, -1, 7, 5));
  }

  /// A guest that connects anew has another port of the same name.
  @Test
  void aPortThatComesAgainIsTheSameInterface() throws IOException {
    Frame frame = frame();
    recorder.ingress(port, 0, frame);
    recorder.ingress(Ports.attach("vif1.0"), 0, frame);
    recorder.ingress(Ports.attach("vif2.0"), 0, frame);
    List<Block> blocks = written(PcapngSink.Checksums.COMPLETED, 0);
    assertThat(packets(blocks)).extracting(CapturedPacket::interfaceId).containsExactly(0, 0, 1);
    assertThat(blocks.stream().filter(InterfaceStatistics.class::isInstance)).hasSize(2);
  }

  @Test
  void aBlankChecksumIsCompletedInTheFileAlone() throws IOException {
    Frame frame = frame();
    frame.setChecksum(ChecksumState.BLANK);
    recorder.ingress(port, 0, frame);
    CapturedPacket packet = packets(written(PcapngSink.Checksums.COMPLETED, 0)).getFirst();
    assertThat(packet.flags() & PacketFlags.CHECKSUM_VALID).isNotZero();
    assertThat(HexFormat.of().formatHex(octets(packet), 40, 42)).isEqualTo("3f9f");
    assertThat(frame.u16(40)).isEqualTo(0x141e);
  }

  @Test
  void aBlankChecksumMayStayAsItIs() throws IOException {
    Frame frame = frame();
    frame.setChecksum(ChecksumState.BLANK);
    recorder.ingress(port, 0, frame);
    CapturedPacket packet = packets(written(PcapngSink.Checksums.AS_THEY_ARE, 0)).getFirst();
    assertThat(packet.flags() & PacketFlags.CHECKSUM_NOT_READY).isNotZero();
    assertThat(HexFormat.of().formatHex(octets(packet), 40, 42)).isEqualTo("141e");
  }

  private static byte[] octets(CapturedPacket packet) {
    return packet.data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
  }

  /// More than the buffer holds.
  @Test
  void manyPacketsGoOutInPieces() throws IOException {
    Frame frame = frame();
    try (PcapngSink sink =
        new PcapngSink(
            Channels.newChannel(out),
            HEADER,
            1000,
            "",
            PcapngSink.Checksums.COMPLETED,
            () -> TIME,
            _ -> PortFacts.NONE)) {
      for (int i = 0; i < 90; i++) {
        recorder.ingress(port, 0, frame);
        CapturedFrame oldest = recorder.oldest().getFirst();
        assertThat(oldest.next()).isTrue();
        for (int copy = 0; copy < 100; copy++) {
          sink.frame(oldest, 0);
        }
        oldest.release();
      }
      sink.end(new CaptureStatistics(9000, 0, 0));
    }
    int packets = 0;
    try (CaptureReader reader = new CaptureReader(new ByteArrayInputStream(out.toByteArray()))) {
      while (reader.nextPacket().isPresent()) {
        packets++;
      }
    }
    assertThat(packets).isEqualTo(9000);
  }
}
