/// The demonstration: guests, a switch and an uplink on one machine, and the checks that frames
/// pass between them.
@NullMarked
package org.netback.daemon.demo;

import org.jspecify.annotations.NullMarked;
