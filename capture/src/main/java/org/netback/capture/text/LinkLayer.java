package org.netback.capture.text;

import java.util.Optional;

/// What an Ethernet frame carries.
final class LinkLayer {
  private static final int LLC_HEADER = 3;
  private static final int SNAP_HEADER = 8;
  private static final int ARP_OCTETS = 28;

  private LinkLayer() {}

  /// @param type the type or length field in front of the offset
  static Layer of(Octets frame, int type, int at) {
    return switch (type) {
      case 0x0800 -> Ip.version4(frame, at);
      case 0x86dd -> Ip.version6(frame, at);
      case 0x0806 -> arp(frame, at);
      case 0x88cc -> Layer.of("LLDP", "");
      case 0x8809 -> Layer.of(frame.u8(at) == 1 ? "LACP" : "slow protocol", "");
      case 0x888e -> Layer.of("EAPOL", "");
      case 0x8847, 0x8848 -> Layer.of("MPLS", "label " + (frame.u32(at) >> 12));
      case 0x8863 -> Layer.of("PPPoE discovery", "");
      case 0x8864 -> Layer.of("PPPoE", "session " + frame.u16(at + 2));
      case 0x88f7 -> Layer.of("PTP", "");
      default -> type < 0x600 ? llc(frame, type, at) : Layer.of(FrameSummary.hex(type), "");
    };
  }

  /// RFC 826, for IPv4 over Ethernet.
  private static Layer arp(Octets frame, int at) {
    if (!frame.has(at, ARP_OCTETS)) {
      return Layer.of("ARP", "cut");
    }
    if (frame.u16(at) != 1 || frame.u16(at + 2) != 0x0800 || frame.u16(at + 4) != 0x0604) {
      return Layer.of("ARP", "not of IPv4 over Ethernet");
    }
    String hardware = FrameSummary.mac(frame, at + 8);
    String sender = Ip.address4(frame, at + 14);
    String target = Ip.address4(frame, at + 24);
    String detail =
        switch (frame.u16(at + 6)) {
          case 1 -> "who has " + target + "? tell " + sender;
          case 2 -> sender + " is at " + hardware;
          default -> "operation " + frame.u16(at + 6);
        };
    return Layer.of("ARP", detail);
  }

  /// IEEE 802.2.
  private static Layer llc(Octets frame, int length, int at) {
    if (!frame.has(at, LLC_HEADER)) {
      return Layer.of("LLC", "cut");
    }
    int both = frame.u16(at);
    if (both == 0x4242) {
      return Layer.of("STP", "");
    }
    if (both == 0xaaaa && frame.has(at, SNAP_HEADER) && frame.u32(at + 2) == 0x0300_0000L) {
      return of(frame, Math.max(0x600, frame.u16(at + 6)), at + SNAP_HEADER);
    }
    return Layer.of(
        "LLC", "from %02x to %02x, length %d".formatted(both & 0xff, both >> 8, length));
  }

  /// What is known by a port.
  static Optional<String> service(int port) {
    return Optional.ofNullable(
        switch (port) {
          case 53 -> "DNS";
          case 67, 68 -> "DHCP";
          case 123 -> "NTP";
          case 546, 547 -> "DHCPv6";
          case 4789 -> "VXLAN";
          case 5353 -> "mDNS";
          default -> null;
        });
  }
}
