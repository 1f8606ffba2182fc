package org.netback.vswitch;

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
    return group.ipv6 ? ipv6(group.high, group.low) : ipv4((int) group.low);
  }

  static String ipv4(int address) {
    return (address >>> 24)
        + "."
        + (address >>> 16 & 0xff)
        + '.'
        + (address >>> 8 & 0xff)
        + '.'
        + (address & 0xff);
  }

  /// RFC 5952: the longest run of two or more zero words is left out.
  static String ipv6(long high, long low) {
    int[] words = new int[8];
    for (int i = 0; i < 8; i++) {
      words[i] = (int) ((i < 4 ? high : low) >>> 48 - 16 * (i & 3)) & 0xffff;
    }
    int run = 0;
    int runAt = -1;
    for (int i = 0; i < 8; i++) {
      int end = i;
      while (end < 8 && words[end] == 0) {
        end++;
      }
      if (end - i > Math.max(run, 1)) {
        run = end - i;
        runAt = i;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      if (i == runAt) {
        text.append("::");
        i += run - 1;
      } else {
        if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
          text.append(':');
        }
        text.append(Integer.toHexString(words[i]));
      }
    }
    return text.toString();
  }
}
