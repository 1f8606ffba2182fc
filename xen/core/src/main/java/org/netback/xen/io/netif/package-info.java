/// The messages of a network device (io/netif.h): one record per struct, used by both ends.
///
/// Each record has static accessors of the same names that read one field of a private slot, and a
/// static `write`, for the paths where an object per message would cost garbage. `tx` and `rx` are
/// always the guest's.
@NullMarked
package org.netback.xen.io.netif;

import org.jspecify.annotations.NullMarked;
