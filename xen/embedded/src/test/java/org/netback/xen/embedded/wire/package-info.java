/// Tests of the package.
@NullMarked
package org.netback.xen.embedded.wire;

import org.jspecify.annotations.NullMarked;
