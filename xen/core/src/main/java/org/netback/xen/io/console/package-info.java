/// The shared page of io/console.h.
@NullMarked
package org.netback.xen.io.console;

import org.jspecify.annotations.NullMarked;
