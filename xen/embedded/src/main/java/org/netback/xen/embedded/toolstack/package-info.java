/// What a toolstack is told of a guest, and what it writes of it into the store (xl, libxl).
@NullMarked
package org.netback.xen.embedded.toolstack;

import org.jspecify.annotations.NullMarked;
