/// The learning switch: networks, ports, the MAC table, and the decision what becomes of a frame
/// (IEEE 802.1D and 802.1Q, as far as a host's edge needs them).
@NullMarked
package org.netback.vswitch;

import org.jspecify.annotations.NullMarked;
