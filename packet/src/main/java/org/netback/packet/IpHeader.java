package org.netback.packet;

/// Fields at fixed places of an IP header, read where it lies: for who needs one or two of them of
/// every frame and judges nothing, which is cheaper than to parse all ([Headers]).
///
/// The header begins at an offset of the frame and is private as far as its fixed part goes
/// ([Frame#need]).
public final class IpHeader {
  /// Octets of the fixed part.
  public static final int IPV4_SIZE = 20;

  /// Octets of the fixed part.
  public static final int IPV6_SIZE = 40;

  private IpHeader() {}

  public static int version(Frame frame, int at) {
    return frame.u8(at) >>> 4;
  }

  /// Octets of an IPv4 header with its options, as it says itself: 0 to 60.
  public static int ipv4Length(Frame frame, int at) {
    return (frame.u8(at) & 0xf) << 2;
  }

  /// Octets of an IPv4 packet with its header, as it says itself.
  public static int ipv4Total(Frame frame, int at) {
    return frame.u16(at + 2);
  }

  /// Whether an IPv4 packet is a part of another.
  public static boolean isIpv4Fragment(Frame frame, int at) {
    return (frame.u16(at + 6) & 0x3fff) != 0;
  }

  public static int ipv4Protocol(Frame frame, int at) {
    return frame.u8(at + 9);
  }

  public static int ipv4Source(Frame frame, int at) {
    return frame.i32(at + 12);
  }

  public static int ipv4Destination(Frame frame, int at) {
    return frame.i32(at + 16);
  }

  /// Octets behind the fixed part of an IPv6 header, as it says itself.
  public static int ipv6Payload(Frame frame, int at) {
    return frame.u16(at + 4);
  }

  /// The protocol, or the first extension header.
  public static int ipv6Next(Frame frame, int at) {
    return frame.u8(at + 6);
  }

  public static int ipv6HopLimit(Frame frame, int at) {
    return frame.u8(at + 7);
  }

  /// The first half of an address.
  public static long ipv6SourceHigh(Frame frame, int at) {
    return frame.i64(at + 8);
  }

  public static long ipv6SourceLow(Frame frame, int at) {
    return frame.i64(at + 16);
  }

  /// The first half of an address.
  public static long ipv6DestinationHigh(Frame frame, int at) {
    return frame.i64(at + 24);
  }

  public static long ipv6DestinationLow(Frame frame, int at) {
    return frame.i64(at + 32);
  }
}
