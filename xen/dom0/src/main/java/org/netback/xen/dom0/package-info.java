/// The ground on a real Xen host: grants, event channels and foreign pages by the devices under
/// `/dev/xen`, and the store of xenstored.
@NullMarked
package org.netback.xen.dom0;

import org.jspecify.annotations.NullMarked;
