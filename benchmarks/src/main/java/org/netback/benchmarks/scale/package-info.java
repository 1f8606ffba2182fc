/// What a frame and an idle guest cost, by how many guests and addresses there are.
@NullMarked
package org.netback.benchmarks.scale;

import org.jspecify.annotations.NullMarked;
