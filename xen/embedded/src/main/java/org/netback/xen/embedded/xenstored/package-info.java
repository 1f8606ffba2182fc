/// An own xenstored: the store of docs/misc/xenstore.txt behind the wire protocol of io/xs_wire.h,
/// on Unix sockets.
@NullMarked
package org.netback.xen.embedded.xenstored;

import org.jspecify.annotations.NullMarked;
