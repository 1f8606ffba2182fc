/// The ground without Xen, as its users see it: domains are made in a directory, where guests and
/// backends in other processes find them.
@NullMarked
package org.netback.xen.embedded;

import org.jspecify.annotations.NullMarked;
