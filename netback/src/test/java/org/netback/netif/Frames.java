package org.netback.netif;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV4Rfc791Tos;
import org.pcap4j.packet.IpV6Packet;
import org.pcap4j.packet.IpV6SimpleFlowLabel;
import org.pcap4j.packet.IpV6SimpleTrafficClass;
import org.pcap4j.packet.TcpPacket;
import org.pcap4j.packet.UdpPacket;
import org.pcap4j.packet.UnknownPacket;
import org.pcap4j.packet.namednumber.EtherType;
import org.pcap4j.packet.namednumber.IpNumber;
import org.pcap4j.packet.namednumber.IpVersion;
import org.pcap4j.packet.namednumber.TcpPort;
import org.pcap4j.packet.namednumber.UdpPort;
import org.pcap4j.util.MacAddress;

/// Frames as Pcap4J builds them, checksums included.
final class Frames {
  private Frames() {}

  /// The MAC address of a test's guest by its number.
  static MacAddress mac(int guest) {
    return MacAddress.getByName("00:16:3e:00:00:%02x".formatted(guest));
  }

  private static Inet4Address ipv4(int guest) {
    try {
      return (Inet4Address) InetAddress.getByAddress(new byte[] {10, 0, 0, (byte) guest});
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Inet6Address ipv6(int guest) {
    try {
      byte[] address = new byte[16];
      address[0] = (byte) 0xfd;
      address[15] = (byte) guest;
      return (Inet6Address) InetAddress.getByAddress(address);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] payload(int octets) {
    byte[] payload = new byte[octets];
    for (int i = 0; i < octets; i++) {
      payload[i] = (byte) (i * 31 + (i >> 8));
    }
    return payload;
  }

  /// A UDP datagram over IPv4 in a frame of a given length, 42 octets or more.
  static byte[] udp(int from, int to, int length) {
    return udp(from, to, 1000, length);
  }

  static byte[] udp(int from, int to, int port, int length) {
    UdpPacket.Builder udp =
        new UdpPacket.Builder()
            .srcPort(new UdpPort((short) port, ""))
            .dstPort(new UdpPort((short) 9, ""))
            .srcAddr(ipv4(from))
            .dstAddr(ipv4(to))
            .correctChecksumAtBuild(true)
            .correctLengthAtBuild(true)
            .payloadBuilder(new UnknownPacket.Builder().rawData(payload(length - 42)));
    return ethernet(from, to, EtherType.IPV4, ip(from, to, IpNumber.UDP).payloadBuilder(udp));
  }

  /// A TCP segment over IPv4 in a frame of a given length, 54 octets or more.
  static byte[] tcp(int from, int to, int length) {
    return ethernet(
        from,
        to,
        EtherType.IPV4,
        ip(from, to, IpNumber.TCP)
            .payloadBuilder(segment(length - 54).srcAddr(ipv4(from)).dstAddr(ipv4(to))));
  }

  /// A TCP segment over IPv6 in a frame of a given length, 74 octets or more.
  static byte[] tcpv6(int from, int to, int length) {
    return ethernet(
        from,
        to,
        EtherType.IPV6,
        new IpV6Packet.Builder()
            .version(IpVersion.IPV6)
            .trafficClass(IpV6SimpleTrafficClass.newInstance((byte) 0))
            .flowLabel(IpV6SimpleFlowLabel.newInstance(0))
            .nextHeader(IpNumber.TCP)
            .hopLimit((byte) 64)
            .srcAddr(ipv6(from))
            .dstAddr(ipv6(to))
            .correctLengthAtBuild(true)
            .payloadBuilder(segment(length - 74).srcAddr(ipv6(from)).dstAddr(ipv6(to))));
  }

  /// A TCP segment whose checksum is the pseudo header's sum only, as a sender that offloads makes
  /// it.
  static byte[] blankTcp(boolean ipv6, int from, int to, int length) {
    byte[] frame = ipv6 ? tcpv6(from, to, length) : tcp(from, to, length);
    int end = ipv6 ? 54 : 34;
    long sum = 6L + length - end;
    for (int i = ipv6 ? 22 : 26; i < end; i += 2) {
      sum += (frame[i] & 0xff) << 8 | frame[i + 1] & 0xff;
    }
    while (sum >>> 16 != 0) {
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    int at = end + 16;
    frame[at] = (byte) (sum >> 8);
    frame[at + 1] = (byte) sum;
    return frame;
  }

  private static IpV4Packet.Builder ip(int from, int to, IpNumber protocol) {
    return new IpV4Packet.Builder()
        .version(IpVersion.IPV4)
        .tos(IpV4Rfc791Tos.newInstance((byte) 0))
        .identification((short) 7)
        .ttl((byte) 64)
        .protocol(protocol)
        .srcAddr(ipv4(from))
        .dstAddr(ipv4(to))
        .correctChecksumAtBuild(true)
        .correctLengthAtBuild(true);
  }

  private static TcpPacket.Builder segment(int payload) {
    return new TcpPacket.Builder()
        .srcPort(new TcpPort((short) 5000, ""))
        .dstPort(new TcpPort((short) 80, ""))
        .sequenceNumber(1000)
        .acknowledgmentNumber(2000)
        .ack(true)
        .window((short) 1000)
        .correctChecksumAtBuild(true)
        .correctLengthAtBuild(true)
        .payloadBuilder(new UnknownPacket.Builder().rawData(payload(payload)));
  }

  private static byte[] ethernet(
      int from, int to, EtherType type, org.pcap4j.packet.Packet.Builder payload) {
    return new EthernetPacket.Builder()
        .srcAddr(mac(from))
        .dstAddr(mac(to))
        .type(type)
        .payloadBuilder(payload)
        .pad(new byte[0])
        .build()
        .getRawData();
  }
}
