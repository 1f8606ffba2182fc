/// The daemon's control API: HTTP and JSON over a Unix socket, and its client.
@NullMarked
package org.netback.daemon.control;

import org.jspecify.annotations.NullMarked;
