/// Linux tap devices (linux/if_tun.h) as ports of the switch, with virtio_net_hdr, so that the
/// kernel hands over and takes TCP frames of up to 64 KiB unsegmented and without checksum.
@NullMarked
package org.netback.adapters.tap;

import org.jspecify.annotations.NullMarked;
