/// Access to other domains' pages by grant reference, and the granting side.
@NullMarked
package org.netback.xen.grant;

import org.jspecify.annotations.NullMarked;
