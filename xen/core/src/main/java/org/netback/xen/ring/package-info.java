/// Shared rings as laid out and driven by xen/include/public/io/ring.h, both halves.
@NullMarked
package org.netback.xen.ring;

import org.jspecify.annotations.NullMarked;
