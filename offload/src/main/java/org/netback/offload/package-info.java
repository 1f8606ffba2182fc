/// What a sender left to the network card and a receiver does not take: checksums to be completed
/// and TCP to be segmented; and the words for it that a tap speaks (virtio_net_hdr, Virtual I/O
/// Device 1.2, section 5.1.6).
@NullMarked
package org.netback.offload;

import org.jspecify.annotations.NullMarked;
