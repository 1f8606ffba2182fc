/// The protocol of `ground.sock`, over which other processes attach to a ground, and the attached
/// process's end of it.
@NullMarked
package org.netback.xen.embedded.wire;

import org.jspecify.annotations.NullMarked;
