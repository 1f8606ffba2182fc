/// Whole guests on the ground without Xen: one is a process of its own with a kernel's network
/// stack behind a tap, the other lives in the process that wants a peer and has no kernel.
@NullMarked
package org.netback.guest;

import org.jspecify.annotations.NullMarked;
