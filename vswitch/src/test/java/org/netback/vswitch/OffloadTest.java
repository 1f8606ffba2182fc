package org.netback.vswitch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.GsoType;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.RecordingPort.Received;
import org.pcap4j.packet.AbstractPacket;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IllegalRawDataException;
import org.pcap4j.packet.IpPacket;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV4Rfc791Tos;
import org.pcap4j.packet.IpV6Packet;
import org.pcap4j.packet.IpV6SimpleFlowLabel;
import org.pcap4j.packet.IpV6SimpleTrafficClass;
import org.pcap4j.packet.Packet;
import org.pcap4j.packet.TcpPacket;
import org.pcap4j.packet.UnknownPacket;
import org.pcap4j.packet.namednumber.EtherType;
import org.pcap4j.packet.namednumber.IpNumber;
import org.pcap4j.packet.namednumber.IpVersion;
import org.pcap4j.packet.namednumber.TcpPort;
import org.pcap4j.util.MacAddress;

/// What receivers get that take less than the sender asks for; Pcap4J builds and judges the frames.
class OffloadTest {
  private static final int MAX = OffloadSet.MAX_LENGTH;

  private final Network network = new Switch(MacLimits.DEFAULT, System::nanoTime).network("lan");
  private final RecordingPort sender = new RecordingPort("sender");
  private final Wire wire = new Wire(network.attach(sender));

  private RecordingPort receiver(String name, OffloadSet accepts) {
    RecordingPort port = new RecordingPort(name, accepts);
    network.attach(port);
    return port;
  }

  private static InetAddress address(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(literal, e);
    }
  }

  private static byte[] payload(int length) {
    byte[] octets = new byte[length];
    new Random(length).nextBytes(octets);
    return octets;
  }

  private static byte[] broadcastTcp(boolean ipv6, int payload) {
    InetAddress from = address(ipv6 ? "fd00::1" : "10.0.0.1");
    InetAddress to = address(ipv6 ? "fd00::2" : "10.0.0.2");
    TcpPacket.Builder tcp =
        new TcpPacket.Builder()
            .srcPort(TcpPort.getInstance((short) 1000))
            .dstPort(TcpPort.getInstance((short) 2000))
            .sequenceNumber(1)
            .ack(true)
            .srcAddr(from)
            .dstAddr(to)
            .payloadBuilder(new UnknownPacket.Builder().rawData(payload(payload)))
            .correctChecksumAtBuild(true)
            .correctLengthAtBuild(true);
    AbstractPacket.AbstractBuilder ip =
        ipv6
            ? new IpV6Packet.Builder()
                .version(IpVersion.IPV6)
                .trafficClass(IpV6SimpleTrafficClass.newInstance((byte) 0))
                .flowLabel(IpV6SimpleFlowLabel.newInstance(0))
                .hopLimit((byte) 64)
                .nextHeader(IpNumber.TCP)
                .srcAddr((Inet6Address) from)
                .dstAddr((Inet6Address) to)
                .payloadBuilder(tcp)
                .correctLengthAtBuild(true)
            : new IpV4Packet.Builder()
                .version(IpVersion.IPV4)
                .tos(IpV4Rfc791Tos.newInstance((byte) 0))
                .ttl((byte) 64)
                .protocol(IpNumber.TCP)
                .srcAddr((Inet4Address) from)
                .dstAddr((Inet4Address) to)
                .payloadBuilder(tcp)
                .correctChecksumAtBuild(true)
                .correctLengthAtBuild(true);
    return new EthernetPacket.Builder()
        .srcAddr(MacAddress.getByName("00:16:3e:00:00:0a"))
        .dstAddr(MacAddress.ETHER_BROADCAST_ADDRESS)
        .type(ipv6 ? EtherType.IPV6 : EtherType.IPV4)
        .payloadBuilder(ip)
        .pad(new byte[0])
        .build()
        .getRawData();
  }

  private static Packet dissect(Received received) {
    try {
      return EthernetPacket.newPacket(received.octets(), 0, received.octets().length);
    } catch (IllegalRawDataException e) {
      throw new AssertionError("Pcap4J cannot read it", e);
    }
  }

  private static boolean checksumsAreRight(Received received) {
    Packet packet = dissect(received);
    IpPacket.IpHeader ip = packet.get(IpPacket.class).getHeader();
    IpV4Packet v4 = packet.get(IpV4Packet.class);
    return (v4 == null || v4.getHeader().hasValidChecksum(false))
        && packet.get(TcpPacket.class).hasValidChecksum(ip.getSrcAddr(), ip.getDstAddr(), false);
  }

  private static byte[] data(List<Received> frames) {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Received frame : frames) {
      data.writeBytes(dissect(frame).get(TcpPacket.class).getPayload().getRawData());
    }
    return data.toByteArray();
  }

  private Frame add(boolean ipv6, int payload, int gsoSize) {
    byte[] octets = broadcastTcp(ipv6, payload);
    int field = ipv6 ? 14 + 40 + 16 : 14 + 20 + 16;
    Frame frame = wire.add(octets);
    // Only what a sender with the feature leaves there: the checksum is not in it.
    frame.putU16(field, 0x1234);
    frame.setChecksum(ChecksumState.BLANK);
    if (gsoSize > 0) {
      frame.setGso(ipv6 ? GsoType.TCPV6 : GsoType.TCPV4, gsoSize);
    }
    return frame;
  }

  @Test
  void mixedReceiversOfAFloodEachGetWhatTheyTake() {
    RecordingPort takesAll = receiver("all", OffloadSet.ALL);
    RecordingPort takesNone = receiver("none", OffloadSet.NONE);
    RecordingPort takesSums = receiver("sums", new OffloadSet(true, true, false, false, MAX));
    RecordingPort late = receiver("late", OffloadSet.ALL);
    for (boolean ipv6 : new boolean[] {false, true}) {
      add(ipv6, 20_000, 1400);
      wire.send();
      for (RecordingPort port : List.of(takesAll, late)) {
        List<Received> whole = port.take();
        assertThat(whole).hasSize(1);
        assertThat(whole.getFirst().gso()).isEqualTo(ipv6 ? GsoType.TCPV6 : GsoType.TCPV4);
        assertThat(whole.getFirst().gsoSize()).isEqualTo(1400);
        assertThat(whole.getFirst().checksum()).isEqualTo(ChecksumState.BLANK);
        assertThat(data(whole)).isEqualTo(payload(20_000));
      }
      List<Received> segments = takesNone.take();
      assertThat(segments).hasSize(15).allMatch(OffloadTest::checksumsAreRight);
      assertThat(segments).allMatch(s -> s.checksum() == ChecksumState.VALIDATED);
      assertThat(segments).allMatch(s -> s.octets().length <= 1500 && s.gso() == GsoType.NONE);
      assertThat(data(segments)).isEqualTo(payload(20_000));
      List<Received> blank = takesSums.take();
      assertThat(blank).hasSize(15).allMatch(s -> s.checksum() == ChecksumState.BLANK);
      assertThat(data(blank)).isEqualTo(payload(20_000));
    }
  }

  @Test
  void oneFamilyMayBeTakenWithoutTheOther() {
    RecordingPort port = receiver("v4", new OffloadSet(true, false, true, false, MAX));
    add(false, 5000, 1000);
    add(true, 5000, 1000);
    add(false, 100, 0);
    add(true, 100, 0);
    wire.send();
    List<Received> received = port.take();
    assertThat(received).hasSize(1 + 5 + 1 + 1);
    assertThat(received.getFirst().gso()).isEqualTo(GsoType.TCPV4);
    assertThat(received.subList(1, 6)).allMatch(OffloadTest::checksumsAreRight);
    assertThat(received.get(6).checksum()).isEqualTo(ChecksumState.BLANK);
    assertThat(received.get(7).checksum()).isEqualTo(ChecksumState.VALIDATED);
    assertThat(checksumsAreRight(received.get(7))).isTrue();
  }

  @Test
  void manyLargeFramesKeepTheirOrderThroughTheScratchMemory() {
    RecordingPort port = receiver("none", OffloadSet.NONE);
    for (int i = 0; i < 10; i++) {
      add(false, 60_000, 1448).putI32(14 + 20 + 4, i * 1_000_000);
      wire.add(Wire.A, 0x0000_1234_5678L).putU8(20, i);
    }
    wire.send();
    List<Received> received = port.take();
    assertThat(received).hasSize(10 * (42 + 1));
    for (int i = 0; i < 10; i++) {
      List<Received> segments = received.subList(43 * i, 43 * i + 42);
      assertThat(segments).allMatch(OffloadTest::checksumsAreRight);
      assertThat(data(segments)).isEqualTo(payload(60_000));
      assertThat(dissect(segments.getFirst()).get(TcpPacket.class).getHeader().getSequenceNumber())
          .isEqualTo(i * 1_000_000);
      assertThat(received.get(43 * i + 42).octets()[20]).isEqualTo((byte) i);
    }
  }

  @Test
  void aFrameTooLongForAReceiverIsSegmentedOrDropped() {
    RecordingPort port = receiver("short", new OffloadSet(true, true, true, true, 1514));
    add(false, 5000, 1460);
    add(false, 5000, 1461);
    wire.add(Wire.A, Wire.B, 1515);
    wire.add(Wire.A, Wire.B, 1514);
    wire.send();
    assertThat(port.take()).hasSize(4 + 1 + 1);
    assertThat(port.counters().drops()).isEqualTo(Map.of(DropReason.TOO_LONG, 4L));
  }

  @Test
  void whatFitsOneSegmentIsNoLongerMarked() {
    RecordingPort port = receiver("all", OffloadSet.ALL);
    add(false, 1000, 1000);
    wire.send();
    Received received = port.take().getFirst();
    assertThat(received.gso()).isEqualTo(GsoType.NONE);
    assertThat(received.checksum()).isEqualTo(ChecksumState.BLANK);
  }

  @Test
  void aMarkedFrameWithItsWholeChecksumGoesOnBlank() {
    RecordingPort port = receiver("all", OffloadSet.ALL);
    Frame frame = add(false, 3000, 1000);
    frame.setChecksum(ChecksumState.VALIDATED);
    wire.send();
    Received received = port.take().getFirst();
    assertThat(received.checksum()).isEqualTo(ChecksumState.BLANK);
    // 10.0.0.1 + 10.0.0.2 + protocol 6 + length 3020
    assertThat(Arrays.copyOfRange(received.octets(), 50, 52)).containsExactly(0x1f, 0xd5);
  }

  @Test
  void framesThatContradictTheirMarkReachNobody() {
    RecordingPort all = receiver("all", OffloadSet.ALL);
    RecordingPort none = receiver("none", OffloadSet.NONE);
    add(false, 3000, 1000).setGso(GsoType.TCPV6, 1000);
    add(false, 3000, 1);
    wire.add(Wire.A, Wire.B, 1000).setGso(GsoType.TCPV4, 100);
    add(false, 3000, 1000).setGso(GsoType.TCPV4, 0);
    add(false, 3000, 1000).setGso(GsoType.TCPV4, -5);
    wire.send();
    assertThat(all.take()).isEmpty();
    assertThat(none.take()).isEmpty();
    assertThat(sender.counters().drops()).isEqualTo(Map.of(DropReason.BAD_OFFLOAD, 5L));
  }

  @Test
  void aChecksumThatCannotBeCompletedReachesOnlyThoseWhoTakeItBlank() {
    RecordingPort all = receiver("all", OffloadSet.ALL);
    RecordingPort none = receiver("none", OffloadSet.NONE);
    wire.add(Wire.A, Wire.B, 100).setChecksum(ChecksumState.BLANK);
    wire.send();
    assertThat(all.take()).hasSize(1);
    assertThat(none.take()).isEmpty();
    assertThat(sender.counters().drops()).isEqualTo(Map.of(DropReason.BAD_OFFLOAD, 1L));
  }
}
