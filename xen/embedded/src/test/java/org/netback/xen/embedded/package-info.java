/// Tests of the embedded ground.
@NullMarked
package org.netback.xen.embedded;

import org.jspecify.annotations.NullMarked;
