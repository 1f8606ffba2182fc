/// Pages of other domains by their frame numbers.
@NullMarked
package org.netback.xen.foreign;

import org.jspecify.annotations.NullMarked;
