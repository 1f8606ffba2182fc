/// Captures of frames and of what became of them: what is recorded on the loops, and written by
/// threads of its own.
@NullMarked
package org.netback.capture;

import org.jspecify.annotations.NullMarked;
