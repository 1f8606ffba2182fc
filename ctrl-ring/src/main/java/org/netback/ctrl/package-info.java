/// The control ring of a network device (io/netif.h, "Control ring", "Control messages"): what a
/// guest chooses of hashing, and the pages that it has mapped for good.
@NullMarked
package org.netback.ctrl;

import org.jspecify.annotations.NullMarked;
