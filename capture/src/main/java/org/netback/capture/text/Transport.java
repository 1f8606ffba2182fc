package org.netback.capture.text;

/// What an IP packet carries.
final class Transport {
  private static final int TCP_HEADER = 20;
  private static final int UDP_HEADER = 8;

  private Transport() {}

  static Layer of(Octets frame, int protocol, int at, int length, String from, String to) {
    return switch (protocol) {
      case 6 -> tcp(frame, at, length, from, to);
      case 17 -> udp(frame, at, length, from, to);
      case 1 -> Layer.of("ICMP", icmp4(frame, at)).between(from, to);
      case 2 -> Layer.of("IGMP", igmp(frame, at, length)).between(from, to);
      case 58 -> Layer.of("ICMPv6", icmp6(frame, at)).between(from, to);
      default -> Layer.of(name(protocol), "length " + length).between(from, to);
    };
  }

  static String name(int protocol) {
    return switch (protocol) {
      case 1 -> "ICMP";
      case 2 -> "IGMP";
      case 4 -> "IPv4 in IP";
      case 6 -> "TCP";
      case 17 -> "UDP";
      case 41 -> "IPv6 in IP";
      case 47 -> "GRE";
      case 50 -> "ESP";
      case 51 -> "AH";
      case 58 -> "ICMPv6";
      case 59 -> "no next header";
      case 89 -> "OSPF";
      case 112 -> "VRRP";
      case 132 -> "SCTP";
      default -> "IP protocol " + protocol;
    };
  }

  private static Layer tcp(Octets frame, int at, int length, String from, String to) {
    if (!frame.has(at, TCP_HEADER)) {
      return Layer.of("TCP", "cut").between(from, to);
    }
    int header = (frame.u8(at + 12) >> 4) * 4;
    StringBuilder detail = new StringBuilder("[").append(flags(frame.u8(at + 13))).append(']');
    detail.append(" seq ").append(frame.u32(at + 4));
    if ((frame.u8(at + 13) & 0x10) != 0) {
      detail.append(" ack ").append(frame.u32(at + 8));
    }
    detail.append(" win ").append(frame.u16(at + 14));
    detail.append(header < TCP_HEADER ? " malformed" : " length " + Math.max(0, length - header));
    return Layer.of("TCP", detail.toString())
        .betweenPorts(from, frame.u16(at), to, frame.u16(at + 2));
  }

  /// As tcpdump writes them.
  private static String flags(int flags) {
    String letters = "FSRP.UEW";
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < letters.length(); i++) {
      if ((flags & 1 << i) != 0) {
        text.append(letters.charAt(i));
      }
    }
    return text.isEmpty() ? "none" : text.toString();
  }

  private static Layer udp(Octets frame, int at, int length, String from, String to) {
    if (!frame.has(at, UDP_HEADER)) {
      return Layer.of("UDP", "cut").between(from, to);
    }
    int source = frame.u16(at);
    int destination = frame.u16(at + 2);
    String service = LinkLayer.service(destination).or(() -> LinkLayer.service(source)).orElse("");
    String detail = "length " + Math.max(0, length - UDP_HEADER);
    return Layer.of("UDP", service.isEmpty() ? detail : service + ", " + detail)
        .betweenPorts(from, source, to, destination);
  }

  private static String icmp4(Octets frame, int at) {
    if (!frame.has(at, 4)) {
      return "cut";
    }
    int code = frame.u8(at + 1);
    return switch (frame.u8(at)) {
      case 0 -> "echo reply" + identity(frame, at);
      case 8 -> "echo request" + identity(frame, at);
      case 3 ->
          switch (code) {
            case 0 -> "network unreachable";
            case 1 -> "host unreachable";
            case 2 -> "protocol unreachable";
            case 3 -> "port unreachable";
            case 4 -> "too long, MTU " + frame.u16(at + 6);
            default -> "unreachable, code " + code;
          };
      case 5 -> "redirect to " + Ip.address4(frame, at + 4);
      case 9 -> "router advertisement";
      case 10 -> "router solicitation";
      case 11 -> "time exceeded";
      default -> "type " + frame.u8(at) + " code " + code;
    };
  }

  private static String icmp6(Octets frame, int at) {
    if (!frame.has(at, 4)) {
      return "cut";
    }
    int code = frame.u8(at + 1);
    return switch (frame.u8(at)) {
      case 1 -> "unreachable, code " + code;
      case 2 -> "too long, MTU " + frame.u32(at + 4);
      case 3 -> "time exceeded";
      case 4 -> "parameter problem";
      case 128 -> "echo request" + identity(frame, at);
      case 129 -> "echo reply" + identity(frame, at);
      case 130 -> "MLD query for " + Ip.address6(frame, at + 8);
      case 131 -> "MLD report of " + Ip.address6(frame, at + 8);
      case 132 -> "MLD done with " + Ip.address6(frame, at + 8);
      case 133 -> "router solicitation";
      case 134 -> "router advertisement";
      case 135 -> "who has " + Ip.address6(frame, at + 8) + '?';
      case 136 -> Ip.address6(frame, at + 8) + " is here";
      case 137 -> "redirect of " + Ip.address6(frame, at + 24);
      case 143 -> "MLDv2 report, records " + frame.u16(at + 6);
      default -> "type " + frame.u8(at) + " code " + code;
    };
  }

  private static String identity(Octets frame, int at) {
    return frame.has(at, 8) ? ", id " + frame.u16(at + 4) + " seq " + frame.u16(at + 6) : "";
  }

  private static String igmp(Octets frame, int at, int length) {
    if (!frame.has(at, 8)) {
      return "cut";
    }
    String group = Ip.address4(frame, at + 4);
    return switch (frame.u8(at)) {
      case 0x11 -> (length >= 12 ? "v3 query for " : "query for ") + group;
      case 0x12 -> "v1 report of " + group;
      case 0x16 -> "v2 report of " + group;
      case 0x17 -> "leave " + group;
      case 0x22 -> "v3 report, records " + frame.u16(at + 6);
      default -> "type " + frame.u8(at);
    };
  }
}
