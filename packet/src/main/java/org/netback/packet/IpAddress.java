package org.netback.packet;

/// IP addresses as people write them.
public final class IpAddress {
  private IpAddress() {}

  /// With four numbers: 239.1.1.1.
  ///
  /// @param address its first octet is the most significant
  public static String ipv4(int address) {
    return (address >>> 24)
        + "."
        + (address >>> 16 & 0xff)
        + '.'
        + (address >>> 8 & 0xff)
        + '.'
        + (address & 0xff);
  }

  /// As RFC 5952 writes it: the longest run of two or more zero words is left out.
  ///
  /// @param high the first eight octets
  /// @param low the last eight
  public static String ipv6(long high, long low) {
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
