/// The xenstore: what a driver reads, writes and watches (docs/misc/xenstore.txt, io/xs_wire.h).
@NullMarked
package org.netback.xen.store;

import org.jspecify.annotations.NullMarked;
