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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
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

  /// @param tags ethertypes of VLAN tags, the outer one first
  private Frame add(boolean ipv6, int payload, int gsoSize, int... tags) {
    byte[] octets = broadcastTcp(ipv6, payload);
    byte[] tagged = new byte[octets.length + 4 * tags.length];
    System.arraycopy(octets, 0, tagged, 0, 12);
    System.arraycopy(octets, 12, tagged, 12 + 4 * tags.length, octets.length - 12);
    for (int i = 0; i < tags.length; i++) {
      tagged[12 + 4 * i] = (byte) (tags[i] >> 8);
      tagged[13 + 4 * i] = (byte) tags[i];
      tagged[15 + 4 * i] = (byte) (9 + i);
    }
    int field = 4 * tags.length + (ipv6 ? 14 + 40 + 16 : 14 + 20 + 16);
    Frame frame = wire.add(tagged);
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
    RecordingPort takesSums =
        receiver("sums", new OffloadSet(true, true, false, false, true, MAX, MAX));
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
    RecordingPort port = receiver("v4", new OffloadSet(true, false, true, false, true, MAX, MAX));
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
    RecordingPort port = receiver("short", new OffloadSet(true, true, true, true, true, 1514, MAX));
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

  /// No receiver could say where the checksum is.
  @Test
  void aBlankChecksumThatHasNoPlaceReachesNobody() {
    RecordingPort all = receiver("all", OffloadSet.ALL);
    RecordingPort none = receiver("none", OffloadSet.NONE);
    wire.add(Wire.A, Wire.B, 100).setChecksum(ChecksumState.BLANK);
    // In a run of frames with the same addresses, too.
    wire.add(Wire.A, Wire.B, 100);
    wire.add(Wire.A, Wire.B, 100).setChecksum(ChecksumState.BLANK);
    wire.send();
    assertThat(all.take()).hasSize(1);
    assertThat(none.take()).hasSize(1);
    assertThat(sender.counters().drops()).isEqualTo(Map.of(DropReason.BAD_OFFLOAD, 2L));
  }

  static List<int[]> tagStacks() {
    return List.of(new int[] {0x8100}, new int[] {0x88a8, 0x8100}, new int[] {0x9100, 0x8100});
  }

  @ParameterizedTest
  @MethodSource("tagStacks")
  void framesBehindTagsAreFinishedForAReceiverThatSeesNoneThrough(int[] tags) {
    RecordingPort guest =
        receiver("guest", new OffloadSet(true, true, true, true, false, MAX, MAX));
    RecordingPort tap = receiver("tap", OffloadSet.ALL);
    for (boolean ipv6 : new boolean[] {false, true}) {
      add(ipv6, 20_000, 1400, tags);
      add(ipv6, 100, 0, tags);
      add(ipv6, 20_000, 1400);
      add(ipv6, 100, 0);
      wire.send();
      List<Received> finished = guest.take();
      assertThat(finished).hasSize(15 + 1 + 1 + 1);
      for (Received frame : finished.subList(0, 16)) {
        assertThat(frame.gso()).isEqualTo(GsoType.NONE);
        assertThat(frame.checksum()).isEqualTo(ChecksumState.VALIDATED);
        assertThat(checksumsAreRight(withoutTags(frame, tags.length))).isTrue();
        assertThat(Arrays.copyOfRange(frame.octets(), 12, 14))
            .containsExactly(tags[0] >> 8, tags[0]);
      }
      ByteArrayOutputStream data = new ByteArrayOutputStream();
      finished
          .subList(0, 15)
          .forEach(f -> data.writeBytes(data(List.of(withoutTags(f, tags.length)))));
      assertThat(data.toByteArray()).isEqualTo(payload(20_000));
      // What has no tag is left to the guest as ever.
      assertThat(finished.get(16).gso()).isEqualTo(ipv6 ? GsoType.TCPV6 : GsoType.TCPV4);
      assertThat(finished.get(17).checksum()).isEqualTo(ChecksumState.BLANK);
      List<Received> whole = tap.take();
      assertThat(whole).hasSize(4);
      assertThat(whole.getFirst().gso()).isEqualTo(ipv6 ? GsoType.TCPV6 : GsoType.TCPV4);
    }
  }

  private static Received withoutTags(Received frame, int tags) {
    byte[] octets = new byte[frame.octets().length - 4 * tags];
    System.arraycopy(frame.octets(), 0, octets, 0, 12);
    System.arraycopy(frame.octets(), 12 + 4 * tags, octets, 12, octets.length - 12);
    return new Received(octets, frame.checksum(), frame.gso(), frame.gsoSize());
  }

  /// Whatever a sender makes up, a receiver that sees through no tag gets nothing unfinished behind
  /// one.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void nothingUnfinishedIsDeliveredBehindATag(long seed) {
    Random random = new Random(seed);
    RecordingPort guest =
        receiver("guest", new OffloadSet(true, true, true, true, false, MAX, 1500));
    int[] types = {0x8100, 0x88a8, 0x9100, 0x0800, 0x86dd, 0x0806};
    int delivered = 0;
    int unfinished = 0;
    for (int round = 0; round < 200; round++) {
      for (int i = 0; i < 8; i++) {
        int[] tags = new int[random.nextInt(4)];
        Arrays.setAll(tags, _ -> types[random.nextInt(random.nextInt(4) == 0 ? 6 : 3)]);
        int gsoSize = random.nextBoolean() ? 0 : 1 + random.nextInt(1600);
        Frame frame = add(random.nextBoolean(), random.nextInt(3000), gsoSize, tags);
        for (int fault = random.nextInt(3); fault > 0; fault--) {
          frame.putU8(12 + random.nextInt(42), random.nextInt(256));
        }
        if (random.nextInt(4) == 0) {
          frame.truncate(14 + random.nextInt(frame.length() - 14));
        }
      }
      wire.send();
      for (Received received : guest.take()) {
        delivered++;
        int type = (received.octets()[12] & 0xff) << 8 | received.octets()[13] & 0xff;
        if (received.gso() != GsoType.NONE || received.checksum() == ChecksumState.BLANK) {
          unfinished++;
          assertThat(type).isIn(0x0800, 0x86dd);
        }
        assertThat(received.octets().length)
            .satisfiesAnyOf(
                length -> assertThat(length).isLessThanOrEqualTo(1522),
                length -> assertThat(received.gso()).isNotEqualTo(GsoType.NONE));
      }
    }
    assertThat(delivered).isGreaterThan(1000);
    assertThat(unfinished).isGreaterThan(50);
  }

  @Test
  void framesLongerThanTheMtuAreDroppedByWhatTheirTagsAdd() {
    RecordingPort port = receiver("port", OffloadSet.ALL.withMtu(1500));
    for (int[] tags : List.of(new int[0], new int[] {0x8100}, new int[] {0x88a8, 0x8100})) {
      // The longest packet, and one that is longer by a tag and by an octet more.
      for (int payload : new int[] {1460, 1461 + 4 - 4 * Math.min(1, tags.length)}) {
        add(false, payload, 0, tags);
      }
    }
    wire.add(Wire.A, Wire.B, 1518);
    wire.add(Wire.A, Wire.B, 1519);
    wire.send();
    assertThat(port.take())
        .extracting(frame -> frame.octets().length)
        .containsExactly(1514, 1518, 1522, 1518);
    assertThat(port.counters().drops()).isEqualTo(Map.of(DropReason.TOO_LONG, 4L));
  }

  /// A frame to be segmented may be longer, and its segments may not.
  @Test
  void framesWhoseSegmentsAreLongerThanTheMtuAreDropped() {
    RecordingPort whole = receiver("whole", OffloadSet.ALL.withMtu(1500));
    RecordingPort segments = receiver("segments", OffloadSet.NONE.withMtu(1500));
    for (boolean ipv6 : new boolean[] {false, true}) {
      int most = ipv6 ? 1440 : 1460;
      add(ipv6, 3 * most, most);
      add(ipv6, 3 * most, most, 0x8100);
      add(ipv6, 3 * most, most, 0x88a8, 0x8100);
      wire.send();
      assertThat(whole.take()).hasSize(3);
      assertThat(segments.take()).hasSize(9);
      add(ipv6, 30_000, most + 5);
      add(ipv6, 30_000, most + 1, 0x8100);
      add(ipv6, 30_000, most + 1, 0x88a8, 0x8100);
      wire.send();
      assertThat(whole.take()).isEmpty();
      assertThat(whole.counters().drops()).isEqualTo(Map.of(DropReason.TOO_LONG, ipv6 ? 6L : 3L));
      segments.take().forEach(f -> assertThat(f.octets().length).isLessThanOrEqualTo(1522));
    }
  }

  /// As it is in the segments that the switch makes.
  @Test
  void headersLeftToTheSegmenterAreMendedForWhoTakesTheFrameWhole() {
    RecordingPort port = receiver("all", OffloadSet.ALL);
    for (boolean ipv6 : new boolean[] {false, true}) {
      byte[] built = broadcastTcp(ipv6, 5000);
      Frame frame = add(ipv6, 5000, 1000);
      if (ipv6) {
        frame.putU16(14 + 4, 0);
      } else {
        frame.putU16(14 + 2, 0);
        frame.putU16(14 + 10, 0);
      }
      wire.send();
      byte[] got = port.take().getFirst().octets();
      int field = ipv6 ? 14 + 40 + 16 : 14 + 20 + 16;
      // Both addresses, protocol 6, length 5020.
      int sum = (ipv6 ? 0xfd00 + 1 + 0xfd00 + 2 : 0x0a00 + 1 + 0x0a00 + 2) + 6 + 5020;
      assertThat((got[field] & 0xff) << 8 | got[field + 1] & 0xff)
          .isEqualTo((sum & 0xffff) + (sum >>> 16));
      got[field] = built[field];
      got[field + 1] = built[field + 1];
      assertThat(got).isEqualTo(built);
    }
  }
}
