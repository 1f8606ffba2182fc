/// Hashes of flows as io/netif.h defines them ("Hash types", "Hash algorithms"), and the queues
/// that they are mapped to. Knows frames, and neither rings nor guests.
@NullMarked
package org.netback.hashing;

import org.jspecify.annotations.NullMarked;
