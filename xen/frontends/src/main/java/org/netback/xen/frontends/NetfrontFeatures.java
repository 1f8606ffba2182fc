package org.netback.xen.frontends;

/// What both ends of a connection can do, as the frontend's sender may use it.
///
/// @param queues in use
/// @param splitEventChannels whether each ring has a channel of its own
/// @param scatterGather whether a frame may take several slots
/// @param gsoTcpv4 whether TCP over IPv4 may be sent unsegmented
/// @param gsoTcpv6 whether TCP over IPv6 may be sent unsegmented
/// @param checksumIpv6 whether checksums in IPv6 may be sent blank; in IPv4 they always may
public record NetfrontFeatures(
    int queues,
    boolean splitEventChannels,
    boolean scatterGather,
    boolean gsoTcpv4,
    boolean gsoTcpv6,
    boolean checksumIpv6) {

  /// The longest frame that [NetfrontQueue#send] takes, in octets.
  public int maxLength() {
    return scatterGather ? 0xffff : 4096;
  }
}
