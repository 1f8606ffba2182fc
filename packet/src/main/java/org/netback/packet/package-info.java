/// Frames and what is read from them: the only packet types that all parts of netback share.
@NullMarked
package org.netback.packet;

import org.jspecify.annotations.NullMarked;
