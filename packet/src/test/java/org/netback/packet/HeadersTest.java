package org.netback.packet;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.properties.Property;
import org.pcap4j.packet.AbstractPacket;
import org.pcap4j.packet.Dot1qVlanTagPacket;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IpV4InternetTimestampOption;
import org.pcap4j.packet.IpV4LooseSourceRouteOption;
import org.pcap4j.packet.IpV4NoOperationOption;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV4Rfc791Tos;
import org.pcap4j.packet.IpV6ExtFragmentPacket;
import org.pcap4j.packet.IpV6ExtHopByHopOptionsPacket;
import org.pcap4j.packet.IpV6Packet;
import org.pcap4j.packet.IpV6Pad1Option;
import org.pcap4j.packet.IpV6SimpleFlowLabel;
import org.pcap4j.packet.IpV6SimpleTrafficClass;
import org.pcap4j.packet.TcpNoOperationOption;
import org.pcap4j.packet.TcpPacket;
import org.pcap4j.packet.UdpPacket;
import org.pcap4j.packet.UnknownPacket;
import org.pcap4j.packet.namednumber.EtherType;
import org.pcap4j.packet.namednumber.IpNumber;
import org.pcap4j.packet.namednumber.IpVersion;
import org.pcap4j.packet.namednumber.TcpPort;
import org.pcap4j.packet.namednumber.UdpPort;
import org.pcap4j.util.MacAddress;

class HeadersTest {
  private static final Inet4Address V4_A = (Inet4Address) address("10.0.0.1");
  private static final Inet4Address V4_B = (Inet4Address) address("10.0.0.2");
  private static final Inet6Address V6_A = (Inet6Address) address("fd00::1");
  private static final Inet6Address V6_B = (Inet6Address) address("fd00::2");

  private final FrameArena arena = new FrameArena(Arena.ofAuto(), 4, 1 << 18);
  private final Headers headers = new Headers();

  private static InetAddress address(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(literal, e);
    }
  }

  private static UnknownPacket.Builder payload(int length) {
    byte[] octets = new byte[length];
    new Random(length).nextBytes(octets);
    return new UnknownPacket.Builder().rawData(octets);
  }

  private static TcpPacket.Builder tcp(InetAddress from, InetAddress to, int length) {
    return new TcpPacket.Builder()
        .srcPort(TcpPort.getInstance((short) 1000))
        .dstPort(TcpPort.getInstance((short) 2000))
        .srcAddr(from)
        .dstAddr(to)
        .payloadBuilder(payload(length))
        .paddingAtBuild(true)
        .correctChecksumAtBuild(true)
        .correctLengthAtBuild(true);
  }

  private static UdpPacket.Builder udp(InetAddress from, InetAddress to, int length) {
    return new UdpPacket.Builder()
        .srcPort(UdpPort.getInstance((short) 1000))
        .dstPort(UdpPort.getInstance((short) 2000))
        .srcAddr(from)
        .dstAddr(to)
        .payloadBuilder(payload(length))
        .correctChecksumAtBuild(true)
        .correctLengthAtBuild(true);
  }

  private static IpV4Packet.Builder ipv4(IpNumber protocol, AbstractPacket.AbstractBuilder of) {
    return new IpV4Packet.Builder()
        .version(IpVersion.IPV4)
        .tos(IpV4Rfc791Tos.newInstance((byte) 0))
        .ttl((byte) 64)
        .protocol(protocol)
        .srcAddr(V4_A)
        .dstAddr(V4_B)
        .payloadBuilder(of)
        .paddingAtBuild(true)
        .correctChecksumAtBuild(true)
        .correctLengthAtBuild(true);
  }

  private static IpV6Packet.Builder ipv6(IpNumber next, AbstractPacket.AbstractBuilder of) {
    return new IpV6Packet.Builder()
        .version(IpVersion.IPV6)
        .trafficClass(IpV6SimpleTrafficClass.newInstance((byte) 0))
        .flowLabel(IpV6SimpleFlowLabel.newInstance(0))
        .hopLimit((byte) 64)
        .nextHeader(next)
        .srcAddr(V6_A)
        .dstAddr(V6_B)
        .payloadBuilder(of)
        .correctLengthAtBuild(true);
  }

  private static byte[] ethernet(EtherType type, AbstractPacket.AbstractBuilder of, boolean pad) {
    return new EthernetPacket.Builder()
        .srcAddr(MacAddress.getByName("00:16:3e:00:00:01"))
        .dstAddr(MacAddress.getByName("00:16:3e:00:00:02"))
        .type(type)
        .payloadBuilder(of)
        .pad(new byte[0])
        .paddingAtBuild(pad)
        .build()
        .getRawData();
  }

  private static Dot1qVlanTagPacket.Builder tag(
      int vid, EtherType type, AbstractPacket.AbstractBuilder of) {
    return new Dot1qVlanTagPacket.Builder().vid((short) vid).type(type).payloadBuilder(of);
  }

  private Frame frame(byte[] octets) {
    arena.clear();
    Frame frame = arena.allocate(octets.length);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    return frame;
  }

  private Headers parse(byte[] octets) {
    return headers.parse(frame(octets));
  }

  @Test
  void findsTcpOverIpv4() {
    byte[] octets = ethernet(EtherType.IPV4, ipv4(IpNumber.TCP, tcp(V4_A, V4_B, 100)), false);
    parse(octets);
    assertThat(headers.ip()).isEqualTo(Headers.Ip.V4);
    assertThat(headers.transport()).isEqualTo(Headers.Transport.TCP);
    assertThat(headers.ipOffset()).isEqualTo(14);
    assertThat(headers.transportOffset()).isEqualTo(34);
    assertThat(headers.checksumOffset()).isEqualTo(50);
    assertThat(headers.payloadOffset()).isEqualTo(54);
    assertThat(headers.payloadLength()).isEqualTo(100);
    assertThat(headers.transportLength()).isEqualTo(120);
    assertThat(headers.ipEnd()).isEqualTo(octets.length);
    assertThat(headers.isMalformed()).isFalse();
    assertThat(headers.isRerouted()).isFalse();
  }

  @Test
  void leavesThePaddingOfAShortFrameOutOfThePacket() {
    byte[] octets = ethernet(EtherType.IPV4, ipv4(IpNumber.UDP, udp(V4_A, V4_B, 3)), true);
    parse(octets);
    assertThat(octets).hasSize(60);
    assertThat(headers.transport()).isEqualTo(Headers.Transport.UDP);
    assertThat(headers.payloadLength()).isEqualTo(3);
    assertThat(headers.ipEnd()).isEqualTo(14 + 20 + 8 + 3);
  }

  @Test
  void stepsOverOptionsOfIpv4AndTcp() {
    TcpPacket.Builder tcp =
        tcp(V4_A, V4_B, 10).options(List.of(TcpNoOperationOption.getInstance()));
    IpV4Packet.Builder ip =
        ipv4(IpNumber.TCP, tcp).options(List.of(IpV4NoOperationOption.getInstance()));
    parse(ethernet(EtherType.IPV4, ip, false));
    assertThat(headers.transportOffset()).isEqualTo(38);
    assertThat(headers.payloadOffset()).isEqualTo(62);
    assertThat(headers.payloadLength()).isEqualTo(10);
    assertThat(headers.isRerouted()).isFalse();
  }

  @Test
  void tellsASourceRouteFromOtherOptions() {
    IpV4Packet.Builder routed =
        ipv4(IpNumber.UDP, udp(V4_A, V4_B, 10))
            .options(
                List.of(
                    IpV4NoOperationOption.getInstance(),
                    new IpV4LooseSourceRouteOption.Builder()
                        .pointer((byte) 4)
                        .routeData(List.of(V4_A))
                        .correctLengthAtBuild(true)
                        .build()));
    parse(ethernet(EtherType.IPV4, routed, false));
    assertThat(headers.isRerouted()).isTrue();
    assertThat(headers.transport()).isEqualTo(Headers.Transport.UDP);

    IpV4Packet.Builder stamped =
        ipv4(IpNumber.UDP, udp(V4_A, V4_B, 10))
            .options(
                List.of(
                    new IpV4InternetTimestampOption.Builder()
                        .pointer((byte) 5)
                        .overflow((byte) 0)
                        .flag(
                            org.pcap4j.packet.namednumber.IpV4InternetTimestampOptionFlag
                                .TIMESTAMPS_ONLY)
                        .correctLengthAtBuild(true)
                        .build()));
    assertThat(parse(ethernet(EtherType.IPV4, stamped, false)).isRerouted()).isFalse();
  }

  @Test
  void looksBehindTwoTagsAndNoFurther() {
    IpV4Packet.Builder ip = ipv4(IpNumber.TCP, tcp(V4_A, V4_B, 10));
    Dot1qVlanTagPacket.Builder one = tag(7, EtherType.IPV4, ip);
    parse(ethernet(EtherType.DOT1Q_VLAN_TAGGED_FRAMES, one, false));
    assertThat(headers.vlanTags()).isEqualTo(1);
    assertThat(headers.transportOffset()).isEqualTo(38);

    Dot1qVlanTagPacket.Builder two = tag(8, EtherType.DOT1Q_VLAN_TAGGED_FRAMES, one);
    parse(ethernet(EtherType.getInstance((short) 0x88a8), two, false));
    assertThat(headers.vlanTags()).isEqualTo(2);
    assertThat(headers.ip()).isEqualTo(Headers.Ip.V4);
    assertThat(headers.transportOffset()).isEqualTo(42);

    Dot1qVlanTagPacket.Builder three = tag(9, EtherType.DOT1Q_VLAN_TAGGED_FRAMES, two);
    parse(ethernet(EtherType.DOT1Q_VLAN_TAGGED_FRAMES, three, false));
    assertThat(headers.vlanTags()).isEqualTo(2);
    assertThat(headers.etherType()).isEqualTo(0x8100);
    assertThat(headers.ip()).isEqualTo(Headers.Ip.NONE);
    assertThat(headers.isMalformed()).isFalse();
  }

  @Test
  void findsUdpBehindExtensionHeadersOfIpv6() {
    AbstractPacket.AbstractBuilder hop =
        new IpV6ExtHopByHopOptionsPacket.Builder()
            .nextHeader(IpNumber.UDP)
            .options(
                List.of(
                    IpV6Pad1Option.getInstance(),
                    IpV6Pad1Option.getInstance(),
                    IpV6Pad1Option.getInstance(),
                    IpV6Pad1Option.getInstance(),
                    IpV6Pad1Option.getInstance(),
                    IpV6Pad1Option.getInstance()))
            .correctLengthAtBuild(true)
            .payloadBuilder(udp(V6_A, V6_B, 10));
    parse(ethernet(EtherType.IPV6, ipv6(IpNumber.IPV6_HOPOPT, hop), false));
    assertThat(headers.ip()).isEqualTo(Headers.Ip.V6);
    assertThat(headers.transport()).isEqualTo(Headers.Transport.UDP);
    assertThat(headers.protocol()).isEqualTo(17);
    assertThat(headers.transportOffset()).isEqualTo(14 + 40 + 8);
    assertThat(headers.payloadLength()).isEqualTo(10);
  }

  @Test
  void givesUpOnMoreExtensionHeadersThanAnyoneSends() {
    byte[] octets = new byte[14 + 40 + 8 * 100];
    octets[12] = (byte) 0x86;
    octets[13] = (byte) 0xdd;
    octets[14] = 0x60;
    octets[18] = (byte) (800 >> 8);
    octets[19] = (byte) 800;
    parse(octets);
    assertThat(headers.ip()).isEqualTo(Headers.Ip.V6);
    assertThat(headers.isMalformed()).isTrue();
    assertThat(headers.transport()).isEqualTo(Headers.Transport.NONE);
  }

  @Test
  void fragmentsHaveNoTransport() {
    IpV4Packet.Builder first = ipv4(IpNumber.UDP, udp(V4_A, V4_B, 100)).moreFragmentFlag(true);
    parse(ethernet(EtherType.IPV4, first, false));
    assertThat(headers.isFragment()).isTrue();
    assertThat(headers.protocol()).isEqualTo(17);
    assertThat(headers.transport()).isEqualTo(Headers.Transport.NONE);

    IpV4Packet.Builder last = ipv4(IpNumber.UDP, payload(50)).fragmentOffset((short) 13);
    parse(ethernet(EtherType.IPV4, last, false));
    assertThat(headers.isFragment()).isTrue();

    IpV6ExtFragmentPacket.Builder v6 =
        new IpV6ExtFragmentPacket.Builder()
            .nextHeader(IpNumber.TCP)
            .m(true)
            .identification(5)
            .payloadBuilder(tcp(V6_A, V6_B, 100));
    parse(ethernet(EtherType.IPV6, ipv6(IpNumber.IPV6_FRAG, v6), false));
    assertThat(headers.isFragment()).isTrue();
    assertThat(headers.protocol()).isEqualTo(6);
    assertThat(headers.transport()).isEqualTo(Headers.Transport.NONE);

    parse(ethernet(EtherType.IPV6, ipv6(IpNumber.IPV6_FRAG, v6.m(false)), false));
    assertThat(headers.isFragment()).describedAs("atomic").isFalse();
    assertThat(headers.transport()).isEqualTo(Headers.Transport.TCP);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4})
  void ipv4HeaderLengthBelowFiveIsMalformed(int words) {
    byte[] octets = ethernet(EtherType.IPV4, ipv4(IpNumber.TCP, tcp(V4_A, V4_B, 50)), false);
    octets[14] = (byte) (0x40 | words);
    parse(octets);
    assertThat(headers.isMalformed()).isTrue();
    assertThat(headers.ip()).isEqualTo(Headers.Ip.NONE);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 15})
  void tcpDataOffsetBelowFiveOrBeyondThePacketIsMalformed(int words) {
    byte[] octets = ethernet(EtherType.IPV4, ipv4(IpNumber.TCP, tcp(V4_A, V4_B, 39)), false);
    octets[14 + 20 + 12] = (byte) (words << 4);
    parse(octets);
    assertThat(headers.isMalformed()).isTrue();
    assertThat(headers.ip()).isEqualTo(Headers.Ip.V4);
    assertThat(headers.transport()).isEqualTo(Headers.Transport.NONE);
  }

  @Test
  void lengthOfAFrameToBeSegmentedMayBeLeftOut() {
    byte[] octets = ethernet(EtherType.IPV4, ipv4(IpNumber.TCP, tcp(V4_A, V4_B, 500)), false);
    octets[16] = 0;
    octets[17] = 0;
    Frame frame = frame(octets);
    assertThat(headers.parse(frame).isMalformed()).isTrue();
    frame.setGso(GsoType.TCPV4, 100);
    assertThat(headers.parse(frame).payloadLength()).isEqualTo(500);
  }

  @Test
  void everyTruncationHasADefinedAnswerInsideTheFrame() {
    IpV4Packet.Builder ip = ipv4(IpNumber.TCP, tcp(V4_A, V4_B, 10));
    byte[] v4 = ethernet(EtherType.DOT1Q_VLAN_TAGGED_FRAMES, tag(7, EtherType.IPV4, ip), false);
    byte[] v6 = ethernet(EtherType.IPV6, ipv6(IpNumber.UDP, udp(V6_A, V6_B, 10)), false);
    for (byte[] octets : List.of(v4, v6)) {
      for (int length = 0; length < octets.length; length++) {
        Frame frame = frame(octets);
        frame.truncate(length);
        headers.parse(frame);
        assertThat(headers.isMalformed()).describedAs("at %d", length).isTrue();
        assertInside(frame);
      }
    }
  }

  @Test
  void anyOctetsHaveADefinedAnswerInsideTheFrame() {
    Property.holds(
        3000,
        sample -> {
          byte[] octets = sample.octets(0, 200);
          Frame frame = frame(octets);
          headers.parse(frame);
          assertInside(frame);
        });
  }

  @Test
  void anyDamageToARealFrameHasADefinedAnswerInsideTheFrame() {
    Property.holds(
        5000,
        sample -> {
          int kind = sample.between(0, 3);
          int at = sample.between(0, 70);
          byte value = sample.anyByte();
          int at2 = sample.between(0, 70);
          byte value2 = sample.anyByte();
          int length = sample.between(0, 200);
          byte[] octets =
              switch (kind) {
                case 0 -> ethernet(EtherType.IPV4, ipv4(IpNumber.TCP, tcp(V4_A, V4_B, 90)), false);
                case 1 -> ethernet(EtherType.IPV4, ipv4(IpNumber.UDP, udp(V4_A, V4_B, 90)), false);
                case 2 -> ethernet(EtherType.IPV6, ipv6(IpNumber.TCP, tcp(V6_A, V6_B, 90)), false);
                default -> ethernet(EtherType.IPV6, ipv6(IpNumber.UDP, udp(V6_A, V6_B, 90)), false);
              };
          octets[at] = value;
          octets[at2] = value2;
          Frame frame = frame(octets);
          frame.truncate(Math.min(length, octets.length));
          frame.setGso(GsoType.values()[at % 3], 100);
          headers.parse(frame);
          assertInside(frame);
        });
  }

  @Test
  void countsTheTagsOfAFrameWithoutParsingTheRest() {
    int[] types = {0x8100, 0x88a8, 0x9100, 0x0800, 0x86dd, 0x0600};
    for (int length = 14; length <= 30; length++) {
      for (int first : types) {
        for (int second : types) {
          Frame frame = frame(new byte[30]);
          frame.putU16(12, first);
          frame.putU16(16, second);
          frame.putU16(20, 0x8100);
          frame.truncate(length);
          assertThat(Headers.vlanTags(frame)).isEqualTo(headers.parse(frame).vlanTags());
        }
      }
    }
  }

  private void assertInside(Frame frame) {
    int length = frame.length();
    if (headers.ip() == Headers.Ip.NONE) {
      assertThat(headers.transport()).isEqualTo(Headers.Transport.NONE);
      assertThat(headers.protocol()).isEqualTo(-1);
    } else {
      int size = headers.ip() == Headers.Ip.V4 ? 20 : 40;
      assertThat(headers.ipOffset()).isBetween(14, length - size);
      assertThat(headers.ipEnd()).isBetween(headers.ipOffset() + size, length);
    }
    if (headers.transport() == Headers.Transport.NONE) {
      assertThat(headers.transportOffset()).isZero();
      assertThat(headers.checksumOffset()).isZero();
      assertThat(headers.payloadLength()).isZero();
    } else {
      int size = headers.transport() == Headers.Transport.TCP ? 20 : 8;
      assertThat(headers.transportOffset())
          .isBetween(headers.ipOffset() + 20, headers.ipEnd() - size);
      assertThat(headers.payloadOffset())
          .isBetween(headers.transportOffset() + size, headers.ipEnd());
      assertThat(headers.payloadLength()).isNotNegative();
      assertThat(headers.transportOffset() + headers.transportLength())
          .isEqualTo(headers.payloadOffset() + headers.payloadLength())
          .isLessThanOrEqualTo(headers.ipEnd());
      assertThat(headers.checksumOffset() + 2).isLessThanOrEqualTo(headers.payloadOffset());
    }
  }
}
