/// The ground without Xen: a domain's memory is a memfd, its grant table lies in that memory in
/// Xen's version 1 layout (public/grant_table.h), and event channels are eventfds between
/// processes.
@NullMarked
package org.netback.xen.embedded;

import org.jspecify.annotations.NullMarked;
