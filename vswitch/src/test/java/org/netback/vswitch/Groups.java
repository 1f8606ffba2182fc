package org.netback.vswitch;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IcmpV6CommonPacket;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV4Rfc1349Tos;
import org.pcap4j.packet.IpV6Packet;
import org.pcap4j.packet.IpV6SimpleFlowLabel;
import org.pcap4j.packet.IpV6SimpleTrafficClass;
import org.pcap4j.packet.Packet;
import org.pcap4j.packet.UdpPacket;
import org.pcap4j.packet.UnknownPacket;
import org.pcap4j.packet.namednumber.EtherType;
import org.pcap4j.packet.namednumber.IcmpV6Code;
import org.pcap4j.packet.namednumber.IcmpV6Type;
import org.pcap4j.packet.namednumber.IpNumber;
import org.pcap4j.packet.namednumber.IpVersion;
import org.pcap4j.packet.namednumber.UdpPort;
import org.pcap4j.util.MacAddress;

/// Frames of hosts, queriers and senders, put together by Pcap4J.
final class Groups {
  static final int IS_IN = 1;
  static final int IS_EX = 2;
  static final int TO_IN = 3;
  static final int TO_EX = 4;
  static final int ALLOW = 5;
  static final int BLOCK = 6;

  private Groups() {}

  /// A group record of IGMPv3 or MLDv2.
  record GroupRecord(int type, String group, List<String> sources) {
    GroupRecord(int type, String group) {
      this(type, group, List.of());
    }
  }

  static byte[] igmpV1Report(String group) {
    return igmp(group, igmp(0x12, 0, group));
  }

  static byte[] igmpV2Report(String group) {
    return igmp(group, igmp(0x16, 0, group));
  }

  static byte[] igmpV2Leave(String group) {
    return igmp("224.0.0.2", igmp(0x17, 0, group));
  }

  static byte[] igmpV3Report(GroupRecord... records) {
    return igmp("224.0.0.22", checksummed(0, records(0x22, 4, records)));
  }

  static byte[] igmpQuery(String source, String destination, String group, int code) {
    return ipv4(source, destination, 2, igmp(0x11, code, group));
  }

  static byte[] igmpV3Query(String source, String destination, String group, int code) {
    ByteBuffer message =
        ByteBuffer.allocate(12).put(igmp(0x11, code, group)).putShort(2, (short) 0);
    message.put(8, (byte) 2).put(9, (byte) 125);
    return ipv4(source, destination, 2, checksummed(0, message.array()));
  }

  /// Octets with the checksum at 2.
  private static byte[] igmp(int type, int code, String group) {
    ByteBuffer message = ByteBuffer.allocate(8).put((byte) type).put((byte) code);
    message.putShort((short) 0).put(address(group));
    return checksummed(0, message.array());
  }

  private static byte[] igmp(String destination, byte[] message) {
    return ipv4("10.0.0.1", destination, 2, message);
  }

  static byte[] checksummed(int start, byte[] message) {
    int sum = sum(start, message);
    message[2] = (byte) (~sum >> 8);
    message[3] = (byte) ~sum;
    return message;
  }

  /// In ones' complement, as RFC 1071 says it, word by word.
  static int sum(int start, byte[] message) {
    int sum = start;
    for (int i = 0; i < message.length; i++) {
      sum += (message[i] & 0xff) << (i % 2 == 0 ? 8 : 0);
    }
    while (sum >>> 16 != 0) {
      sum = (sum & 0xffff) + (sum >>> 16);
    }
    return sum;
  }

  private static byte[] records(int type, int addressSize, GroupRecord... records) {
    int size = 8;
    for (GroupRecord record : records) {
      size += 4 + addressSize * (1 + record.sources.size());
    }
    ByteBuffer message = ByteBuffer.allocate(size).put((byte) type).position(6);
    message.putShort((short) records.length);
    for (GroupRecord record : records) {
      message.put((byte) record.type).put((byte) 0).putShort((short) record.sources.size());
      message.put(address(record.group));
      record.sources.forEach(source -> message.put(address(source)));
    }
    return message.array();
  }

  static byte[] mldV1Report(String group) {
    return mld("fe80::1", group, 131, oneGroup(0, group));
  }

  static byte[] mldV1Done(String group) {
    return mld("fe80::1", "ff02::2", 132, oneGroup(0, group));
  }

  static byte[] mldV2Report(String source, GroupRecord... records) {
    byte[] message = records(143, 16, records);
    return mld(source, "ff02::16", 143, Arrays.copyOfRange(message, 4, message.length));
  }

  static byte[] mldQuery(String source, String destination, String group, int code) {
    return mld(source, destination, 130, oneGroup(code, group));
  }

  static byte[] oneGroup(int code, String group) {
    return ByteBuffer.allocate(20)
        .putShort((short) code)
        .putShort((short) 0)
        .put(address(group))
        .array();
  }

  /// @param body what follows the checksum
  static byte[] mld(String source, String destination, int type, byte[] body) {
    Inet6Address from = (Inet6Address) inet(source);
    Inet6Address to = (Inet6Address) inet(destination);
    IcmpV6CommonPacket.Builder message =
        new IcmpV6CommonPacket.Builder()
            .type(IcmpV6Type.getInstance((byte) type))
            .code(IcmpV6Code.getInstance((byte) type, (byte) 0))
            .srcAddr(from)
            .dstAddr(to)
            .correctChecksumAtBuild(true)
            .payloadBuilder(new UnknownPacket.Builder().rawData(body));
    byte[] options = {58, 0, 5, 2, 0, 0, 1, 0};
    byte[] whole = concat(options, message.build().getRawData());
    return ipv6(from, to, 1, IpNumber.IPV6_HOPOPT, new UnknownPacket.Builder().rawData(whole));
  }

  static byte[] ipv4(String source, String destination, int protocol, byte[] payload) {
    return ethernet(
        destination,
        EtherType.IPV4,
        new IpV4Packet.Builder()
            .version(IpVersion.IPV4)
            .tos(IpV4Rfc1349Tos.newInstance((byte) 0))
            .ttl((byte) 1)
            .protocol(IpNumber.getInstance((byte) protocol))
            .srcAddr((Inet4Address) inet(source))
            .dstAddr((Inet4Address) inet(destination))
            .correctChecksumAtBuild(true)
            .correctLengthAtBuild(true)
            .payloadBuilder(new UnknownPacket.Builder().rawData(payload)));
  }

  private static byte[] ipv6(
      Inet6Address source,
      Inet6Address destination,
      int hops,
      IpNumber next,
      Packet.Builder payload) {
    return ethernet(
        destination.getHostAddress(),
        EtherType.IPV6,
        new IpV6Packet.Builder()
            .version(IpVersion.IPV6)
            .trafficClass(IpV6SimpleTrafficClass.newInstance((byte) 0))
            .flowLabel(IpV6SimpleFlowLabel.newInstance(0))
            .hopLimit((byte) hops)
            .nextHeader(next)
            .srcAddr(source)
            .dstAddr(destination)
            .correctLengthAtBuild(true)
            .payloadBuilder(payload));
  }

  private static byte[] ethernet(String destination, EtherType type, Packet.Builder payload) {
    return new EthernetPacket.Builder()
        .srcAddr(MacAddress.getByName("00:16:3e:00:00:0a"))
        .dstAddr(MacAddress.getByAddress(mac(destination)))
        .type(type)
        .paddingAtBuild(true)
        .payloadBuilder(payload)
        .build()
        .getRawData();
  }

  private static byte[] mac(String destination) {
    byte[] address = address(destination);
    return address.length == 4
        ? new byte[] {1, 0, 0x5e, (byte) (address[1] & 0x7f), address[2], address[3]}
        : new byte[] {0x33, 0x33, address[12], address[13], address[14], address[15]};
  }

  /// A datagram to a group.
  static byte[] data(String group) {
    if (inet(group) instanceof Inet6Address to) {
      Inet6Address from = (Inet6Address) inet("2001:db8::1");
      return ipv6(from, to, 8, IpNumber.UDP, udp(from, to));
    }
    Inet4Address from = (Inet4Address) inet("10.0.0.9");
    Inet4Address to = (Inet4Address) inet(group);
    return ipv4("10.0.0.9", group, 17, udp(from, to).build().getRawData());
  }

  private static UdpPacket.Builder udp(InetAddress from, InetAddress to) {
    return new UdpPacket.Builder()
        .srcPort(UdpPort.getInstance((short) 1000))
        .dstPort(UdpPort.getInstance((short) 2000))
        .srcAddr(from)
        .dstAddr(to)
        .correctChecksumAtBuild(true)
        .correctLengthAtBuild(true)
        .payloadBuilder(new UnknownPacket.Builder().rawData(new byte[30]));
  }

  private static byte[] concat(byte[] a, byte[] b) {
    return ByteBuffer.allocate(a.length + b.length).put(a).put(b).array();
  }

  static byte[] address(String text) {
    return inet(text).getAddress();
  }

  private static InetAddress inet(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(text, e);
    }
  }
}
