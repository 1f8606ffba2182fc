package org.netback.vswitch;

import org.netback.packet.IpAddress;

/// IP group addresses as the table of groups keeps them: 128 bits in two longs, an IPv4 address in
/// its IPv4-mapped form.
final class GroupAddress {
  private static final long MAPPED = 0xffff_0000_0000L;

  private GroupAddress() {}

  static long lowOfIpv4(int address) {
    return MAPPED | address & 0xffff_ffffL;
  }

  /// Whether it is in ff02::1:ff00:0/104 (RFC 4291 2.7.1), where a host is asked for its link-layer
  /// address.
  static boolean isSolicitedNode(long high, long low) {
    return high == 0xff02_0000_0000_0000L && low >>> 24 == 0x1ff;
  }

  /// As people write it: 239.1.1.1, ff02::fb.
  static String text(MulticastGroup group) {
    return group.ipv6 ? IpAddress.ipv6(group.high, group.low) : IpAddress.ipv4((int) group.low);
  }
}
