/// The command line, and the client of the daemon's control API. It stands on the JDK alone: what a
/// query loads decides how long it takes.
@NullMarked
package org.netback.client;

import org.jspecify.annotations.NullMarked;
