/// A backend's end of a device for the tests of the frontends.
@NullMarked
package org.netback.xen.bus;

import org.jspecify.annotations.NullMarked;
