/// Tests of the xenstored.
@NullMarked
package org.netback.xen.embedded.xenstored;

import org.jspecify.annotations.NullMarked;
