/// Kernels' network stacks in namespaces, joined by one switch after the other: what this daemon
/// gives and costs beside its peers, measured in turn.
@NullMarked
package org.netback.benchmarks.endtoend;

import org.jspecify.annotations.NullMarked;
