/// What a ground gives to the drivers of one process.
@NullMarked
package org.netback.xen.ground;

import org.jspecify.annotations.NullMarked;
