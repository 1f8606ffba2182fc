/// Event channels between the loops of one process, as tasks, and between processes, as eventfds.
@NullMarked
package org.netback.xen.embedded.event;

import org.jspecify.annotations.NullMarked;
