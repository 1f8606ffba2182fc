/// What the parts of a frame's path cost, each by itself, in ns (JMH).
@NullMarked
package org.netback.benchmarks.parts;

import org.jspecify.annotations.NullMarked;
