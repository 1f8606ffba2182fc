/// The command line.
@NullMarked
package org.netback.daemon.cli;

import org.jspecify.annotations.NullMarked;
