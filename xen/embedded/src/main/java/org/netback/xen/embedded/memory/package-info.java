/// A domain's memory on this ground, a memfd with its grant table at the start in Xen's version 1
/// layout (public/grant_table.h), and who may reach which of its pages.
@NullMarked
package org.netback.xen.embedded.memory;

import org.jspecify.annotations.NullMarked;
