/// Tests of the package.
@NullMarked
package org.netback.xen.embedded.toolstack;

import org.jspecify.annotations.NullMarked;
