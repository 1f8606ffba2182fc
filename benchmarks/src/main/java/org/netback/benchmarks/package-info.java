/// Measurements of the data path, each beside a limit or a peer measured in the same run.
@NullMarked
package org.netback.benchmarks;

import org.jspecify.annotations.NullMarked;
