package org.netback.capture.text;

import org.netback.packet.IpAddress;

/// IPv4 (RFC 791) and IPv6 (RFC 8200), and what they carry.
final class Ip {
  private static final int HEADER4 = 20;
  private static final int HEADER6 = 40;

  /// Extension headers that are followed.
  private static final int MOST_EXTENSIONS = 8;

  private Ip() {}

  static Layer version4(Octets frame, int at) {
    int header = (frame.u8(at) & 0xf) * 4;
    if (!frame.has(at, HEADER4)) {
      return Layer.of("IPv4", "cut");
    }
    if (frame.u8(at) >> 4 != 4 || header < HEADER4) {
      return Layer.of("IPv4", "malformed");
    }
    String from = address4(frame, at + 12);
    String to = address4(frame, at + 16);
    int fragment = frame.u16(at + 6);
    int payload = Math.max(0, frame.u16(at + 2) - header);
    if ((fragment & 0x3fff) != 0) {
      int first = (fragment & 0x1fff) * 8;
      boolean more = (fragment & 0x2000) != 0;
      return fragment(frame.u8(at + 9), first, payload, more).between(from, to);
    }
    return Transport.of(frame, frame.u8(at + 9), at + header, payload, from, to);
  }

  static Layer version6(Octets frame, int at) {
    if (!frame.has(at, HEADER6)) {
      return Layer.of("IPv6", "cut");
    }
    if (frame.u8(at) >> 4 != 6) {
      return Layer.of("IPv6", "malformed");
    }
    String from = address6(frame, at + 8);
    String to = address6(frame, at + 24);
    int end = at + HEADER6 + frame.u16(at + 4);
    int next = frame.u8(at + 6);
    int now = at + HEADER6;
    for (int i = 0; i < MOST_EXTENSIONS && isExtension(next); i++) {
      if (!frame.has(now, 8)) {
        return Layer.of("IPv6", "cut").between(from, to);
      }
      if (next == 44) {
        int fragment = frame.u16(now + 2);
        boolean more = (fragment & 1) != 0;
        if (more || fragment >> 3 != 0) {
          return fragment(frame.u8(now), fragment & 0xfff8, Math.max(0, end - now - 8), more)
              .between(from, to);
        }
      }
      int octets =
          next == 44 ? 8 : next == 51 ? (frame.u8(now + 1) + 2) * 4 : (frame.u8(now + 1) + 1) * 8;
      next = frame.u8(now);
      now += octets;
    }
    return Transport.of(frame, next, now, Math.max(0, end - now), from, to);
  }

  /// Hop-by-hop, routing, fragment, authentication and destination options.
  private static boolean isExtension(int next) {
    return next == 0 || next == 43 || next == 44 || next == 51 || next == 60;
  }

  private static Layer fragment(int protocol, int first, int length, boolean more) {
    return Layer.of(
        Transport.name(protocol),
        "fragment, octets %d to %d%s"
            .formatted(first, first + length, more ? ", more follow" : ""));
  }

  static String address4(Octets frame, int at) {
    return IpAddress.ipv4((int) frame.u32(at));
  }

  static String address6(Octets frame, int at) {
    return IpAddress.ipv6(
        frame.u32(at) << 32 | frame.u32(at + 4), frame.u32(at + 8) << 32 | frame.u32(at + 12));
  }
}
