package org.netback.packet;

/// What is known of a frame's TCP or UDP checksum.
public enum ChecksumState {
  /// The field holds a sum that nobody has verified yet.
  COMPLETE,
  /// The field holds a sum that the sender's side vouches for (netif.h `data_validated`).
  VALIDATED,
  /// The field holds only the sum of the pseudo header (netif.h `csum_blank`, virtio
  /// `VIRTIO_NET_HDR_F_NEEDS_CSUM`); whoever puts the frame on a wire completes it.
  BLANK
}
