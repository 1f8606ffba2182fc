/// Tests of the package.
@NullMarked
package org.netback.xen.embedded.memory;

import org.jspecify.annotations.NullMarked;
