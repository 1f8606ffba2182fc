package org.netback.hashing;

/// Over what of a packet a hash is calculated (io/netif.h, "Hash types").
public enum HashType {
  /// Source and destination address of IPv4: 8 octets.
  IPV4,
  /// Those, and the ports of TCP: 12 octets.
  IPV4_TCP,
  /// Source and destination address of IPv6: 32 octets.
  IPV6,
  /// Those, and the ports of TCP: 36 octets.
  IPV6_TCP;

  /// The bits of all types.
  public static final int ALL = 0xf;

  /// As in a hash extra: `_XEN_NETIF_CTRL_HASH_TYPE_*`.
  public int number() {
    return ordinal();
  }

  /// As in a set of types: `XEN_NETIF_CTRL_HASH_TYPE_*`.
  public int bit() {
    return 1 << ordinal();
  }
}
