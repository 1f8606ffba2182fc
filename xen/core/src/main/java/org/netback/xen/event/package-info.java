/// Event channels and the loops on which their handlers run.
@NullMarked
package org.netback.xen.event;

import org.jspecify.annotations.NullMarked;
