package org.netback.adapters.tap;

/// What the kernel may leave undone in frames that it hands over (linux/if_tun.h `TUN_F_*`).
/// Segmentation presumes the checksum.
///
/// @param checksum TCP and UDP checksums, IPv4 and IPv6 alike
/// @param tcpv4 segmentation of TCP over IPv4
/// @param tcpv6 segmentation of TCP over IPv6
/// @param ecn segmentation also of TCP with congestion notification
public record TapOffload(boolean checksum, boolean tcpv4, boolean tcpv6, boolean ecn) {
  public static final TapOffload ALL = new TapOffload(true, true, true, true);
  public static final TapOffload CHECKSUM = new TapOffload(true, false, false, false);
  public static final TapOffload NONE = new TapOffload(false, false, false, false);

  public TapOffload {
    if (!checksum && (tcpv4 || tcpv6) || ecn && !tcpv4 && !tcpv6) {
      throw new IllegalArgumentException(
          "checksum " + checksum + ", tcpv4 " + tcpv4 + ", tcpv6 " + tcpv6 + ", ecn " + ecn);
    }
  }

  /// The next lesser set to try on a kernel that refuses this one.
  TapOffload less() {
    if (ecn) {
      return new TapOffload(checksum, tcpv4, tcpv6, false);
    }
    return tcpv4 || tcpv6 ? CHECKSUM : NONE;
  }

  long bits() {
    return (checksum ? 1 : 0) | (tcpv4 ? 2 : 0) | (tcpv6 ? 4 : 0) | (ecn ? 8 : 0);
  }
}
