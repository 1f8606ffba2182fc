/// Frames and their verdicts in a line of text or of JSON, for people at a terminal.
@NullMarked
package org.netback.capture.text;

import org.jspecify.annotations.NullMarked;
