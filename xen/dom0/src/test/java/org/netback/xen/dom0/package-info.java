/// Tests of the ground on a Xen host, most of which only a dom0 can run: see `docs/xen.md`.
@NullMarked
package org.netback.xen.dom0;

import org.jspecify.annotations.NullMarked;
