package org.netback.packet;

/// What a receiver of frames takes off the switch's hands. A frame that asks for more is completed
/// or segmented before it is handed over.
///
/// @param checksumIpv4 takes [ChecksumState#BLANK] in IPv4 frames
/// @param checksumIpv6 takes [ChecksumState#BLANK] in IPv6 frames
/// @param tcpv4Segmentation takes [GsoType#TCPV4] frames whole
/// @param tcpv6Segmentation takes [GsoType#TCPV6] frames whole
/// @param behindTags takes all this in frames with VLAN tags too, rather than only in those without
/// @param maxLength the longest frame that it takes, in octets, Ethernet header included
/// @param mtu octets of the longest packet that it takes in a frame, or in a segment of one;
///   Ethernet header and VLAN tags do not count
public record OffloadSet(
    boolean checksumIpv4,
    boolean checksumIpv6,
    boolean tcpv4Segmentation,
    boolean tcpv6Segmentation,
    boolean behindTags,
    int maxLength,
    int mtu) {

  /// The longest frame there is: netif.h `XEN_NETIF_MAX_TX_SIZE`.
  public static final int MAX_LENGTH = 65535;

  public static final OffloadSet ALL =
      new OffloadSet(true, true, true, true, true, MAX_LENGTH, MAX_LENGTH);
  public static final OffloadSet NONE =
      new OffloadSet(false, false, false, false, false, MAX_LENGTH, MAX_LENGTH);

  private static final int ETHERNET_AND_TAG = 18;

  public OffloadSet withMtu(int newMtu) {
    return new OffloadSet(
        checksumIpv4,
        checksumIpv6,
        tcpv4Segmentation,
        tcpv6Segmentation,
        behindTags,
        maxLength,
        newMtu);
  }

  /// The longest segment, or frame that is not to be segmented, in octets. There is room for one
  /// VLAN tag in it whether or not there is one, as on a Linux bridge; a second tag comes on top.
  public int longestSegment() {
    return mtu + ETHERNET_AND_TAG;
  }

  /// The same, but every TCP frame comes in segments.
  public OffloadSet withoutSegmentation() {
    return new OffloadSet(checksumIpv4, checksumIpv6, false, false, behindTags, maxLength, mtu);
  }
}
