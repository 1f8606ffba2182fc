/// The guests' side of the device classes, with the habits of Linux's frontends: what tests,
/// benchmarks and `netback guest` put behind the rings of io/netif.h.
@NullMarked
package org.netback.xen.frontends;

import org.jspecify.annotations.NullMarked;
