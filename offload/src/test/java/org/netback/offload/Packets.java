package org.netback.offload;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Random;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.pcap4j.packet.AbstractPacket;
import org.pcap4j.packet.Dot1qVlanTagPacket;
import org.pcap4j.packet.EthernetPacket;
import org.pcap4j.packet.IllegalRawDataException;
import org.pcap4j.packet.IpPacket;
import org.pcap4j.packet.IpV4NoOperationOption;
import org.pcap4j.packet.IpV4Packet;
import org.pcap4j.packet.IpV4Rfc791Tos;
import org.pcap4j.packet.IpV6Packet;
import org.pcap4j.packet.IpV6SimpleFlowLabel;
import org.pcap4j.packet.IpV6SimpleTrafficClass;
import org.pcap4j.packet.Packet;
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

/// Frames as Pcap4J builds and judges them.
final class Packets {
  /// What a test asks of a frame.
  ///
  /// @param tags VLAN tags
  /// @param ipOptions words of IPv4 options
  /// @param tcpOptions words of TCP options
  record Shape(boolean ipv6, boolean udp, int tags, int ipOptions, int tcpOptions, int payload) {
    static Shape tcp(boolean ipv6, int payload) {
      return new Shape(ipv6, false, 0, 0, 0, payload);
    }

    static Shape udp(boolean ipv6, int payload) {
      return new Shape(ipv6, true, 0, 0, 0, payload);
    }

    Shape withTags(int count) {
      return new Shape(ipv6, udp, count, ipOptions, tcpOptions, payload);
    }

    Shape withOptions(int ip, int tcp) {
      return new Shape(ipv6, udp, tags, ip, tcp, payload);
    }

    int headersLength() {
      return 14 + 4 * tags + (ipv6 ? 40 : 20 + 4 * ipOptions) + (udp ? 8 : 20 + 4 * tcpOptions);
    }
  }

  static final int SEQUENCE = 0xffff_fc00;
  static final int IDENTIFICATION = 0xfffe;

  private Packets() {}

  private static InetAddress address(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(literal, e);
    }
  }

  static byte[] payload(int length) {
    byte[] octets = new byte[length];
    new Random(length).nextBytes(octets);
    return octets;
  }

  /// A frame with all checksums right and all TCP flags that segmentation treats set.
  static byte[] build(Shape shape) {
    return build(shape, payload(shape.payload()));
  }

  static byte[] build(Shape shape, byte[] payload) {
    InetAddress from = address(shape.ipv6() ? "fd00::1" : "10.0.0.1");
    InetAddress to = address(shape.ipv6() ? "fd00::2" : "10.0.0.2");
    UnknownPacket.Builder data = new UnknownPacket.Builder().rawData(payload);
    AbstractPacket.AbstractBuilder transport =
        shape.udp()
            ? new UdpPacket.Builder()
                .srcPort(UdpPort.getInstance((short) 1000))
                .dstPort(UdpPort.getInstance((short) 2000))
                .srcAddr(from)
                .dstAddr(to)
                .payloadBuilder(data)
                .correctChecksumAtBuild(true)
                .correctLengthAtBuild(true)
            : new TcpPacket.Builder()
                .srcPort(TcpPort.getInstance((short) 1000))
                .dstPort(TcpPort.getInstance((short) 2000))
                .sequenceNumber(SEQUENCE)
                .acknowledgmentNumber(77)
                .ack(true)
                .psh(true)
                .fin(true)
                // ECE and CWR are the low two of the bits that Pcap4J calls reserved.
                .reserved((byte) 3)
                .window((short) 500)
                .options(
                    java.util.Collections.nCopies(
                        4 * shape.tcpOptions(), TcpNoOperationOption.getInstance()))
                .srcAddr(from)
                .dstAddr(to)
                .payloadBuilder(data)
                .correctChecksumAtBuild(true)
                .correctLengthAtBuild(true);
    IpNumber protocol = shape.udp() ? IpNumber.UDP : IpNumber.TCP;
    AbstractPacket.AbstractBuilder ip =
        shape.ipv6()
            ? new IpV6Packet.Builder()
                .version(IpVersion.IPV6)
                .trafficClass(IpV6SimpleTrafficClass.newInstance((byte) 0))
                .flowLabel(IpV6SimpleFlowLabel.newInstance(5))
                .hopLimit((byte) 64)
                .nextHeader(protocol)
                .srcAddr((Inet6Address) from)
                .dstAddr((Inet6Address) to)
                .payloadBuilder(transport)
                .correctLengthAtBuild(true)
            : new IpV4Packet.Builder()
                .version(IpVersion.IPV4)
                .tos(IpV4Rfc791Tos.newInstance((byte) 2))
                .identification((short) IDENTIFICATION)
                .dontFragmentFlag(true)
                .ttl((byte) 64)
                .protocol(protocol)
                .srcAddr((Inet4Address) from)
                .dstAddr((Inet4Address) to)
                .options(
                    java.util.Collections.nCopies(
                        4 * shape.ipOptions(), IpV4NoOperationOption.getInstance()))
                .payloadBuilder(transport)
                .correctChecksumAtBuild(true)
                .correctLengthAtBuild(true);
    EtherType type = shape.ipv6() ? EtherType.IPV6 : EtherType.IPV4;
    for (int i = 0; i < shape.tags(); i++) {
      ip = new Dot1qVlanTagPacket.Builder().vid((short) (5 + i)).type(type).payloadBuilder(ip);
      type = EtherType.DOT1Q_VLAN_TAGGED_FRAMES;
    }
    return new EthernetPacket.Builder()
        .srcAddr(MacAddress.getByName("00:16:3e:00:00:01"))
        .dstAddr(MacAddress.getByName("00:16:3e:00:00:02"))
        .type(type)
        .payloadBuilder(ip)
        .pad(new byte[0])
        .build()
        .getRawData();
  }

  static Frame frame(FrameArena arena, byte[] octets) {
    Frame frame = arena.allocate(octets.length);
    MemorySegment.copy(
        MemorySegment.ofArray(octets), 0, frame.memory(), frame.offset(), octets.length);
    return frame;
  }

  static byte[] octets(Frame frame) {
    return frame.octets().toArray(ValueLayout.JAVA_BYTE);
  }

  static Packet dissect(Frame frame) {
    return dissect(octets(frame));
  }

  static Packet dissect(byte[] octets) {
    try {
      return EthernetPacket.newPacket(octets, 0, octets.length);
    } catch (IllegalRawDataException e) {
      throw new AssertionError("Pcap4J cannot read it", e);
    }
  }

  /// Whether all checksums of a frame are right, and how many there are.
  static List<String> wrongChecksums(Packet packet) {
    List<String> wrong = new java.util.ArrayList<>();
    IpPacket ip = packet.get(IpPacket.class);
    if (ip instanceof IpV4Packet v4 && !v4.getHeader().hasValidChecksum(false)) {
      wrong.add("ipv4");
    }
    InetAddress from = ip.getHeader().getSrcAddr();
    InetAddress to = ip.getHeader().getDstAddr();
    TcpPacket tcp = packet.get(TcpPacket.class);
    UdpPacket udp = packet.get(UdpPacket.class);
    if (tcp != null && !tcp.hasValidChecksum(from, to, false)) {
      wrong.add("tcp");
    }
    if (udp != null && !udp.hasValidChecksum(from, to, false)) {
      wrong.add("udp");
    }
    if (tcp == null && udp == null) {
      wrong.add("neither TCP nor UDP: " + packet);
    }
    return wrong;
  }
}
