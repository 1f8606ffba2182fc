/// Where the parts are put together: the daemon's life, and the processes around it.
@NullMarked
package org.netback.daemon;

import org.jspecify.annotations.NullMarked;
