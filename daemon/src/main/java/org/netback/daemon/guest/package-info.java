/// A guest as a process of its own: a kernel's network stack, behind a tap, on netif rings.
@NullMarked
package org.netback.daemon.guest;

import org.jspecify.annotations.NullMarked;
