/// Guests' consoles (io/console.h): the backend of the primary console and of consoles 1 to N, and
/// those who look at them.
@NullMarked
package org.netback.console;

import org.jspecify.annotations.NullMarked;
