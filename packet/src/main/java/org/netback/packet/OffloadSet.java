package org.netback.packet;

/// What a receiver of frames takes off the switch's hands. A frame that asks for more is completed
/// or segmented before it is handed over.
///
/// @param checksumIpv4 takes [ChecksumState#BLANK] in IPv4 frames
/// @param checksumIpv6 takes [ChecksumState#BLANK] in IPv6 frames
/// @param tcpv4Segmentation takes [GsoType#TCPV4] frames whole
/// @param tcpv6Segmentation takes [GsoType#TCPV6] frames whole
/// @param maxLength the longest frame that it takes, in octets, Ethernet header included
public record OffloadSet(
    boolean checksumIpv4,
    boolean checksumIpv6,
    boolean tcpv4Segmentation,
    boolean tcpv6Segmentation,
    int maxLength) {

  /// The longest frame there is: netif.h `XEN_NETIF_MAX_TX_SIZE`.
  public static final int MAX_LENGTH = 65535;

  public static final OffloadSet ALL = new OffloadSet(true, true, true, true, MAX_LENGTH);
  public static final OffloadSet NONE = new OffloadSet(false, false, false, false, MAX_LENGTH);
}
