/// The life of a backend device on xenbus (io/xenbus.h).
@NullMarked
package org.netback.xen.bus;

import org.jspecify.annotations.NullMarked;
