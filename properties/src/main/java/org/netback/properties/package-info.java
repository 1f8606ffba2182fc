/// Property-based tests in plain JUnit methods: many samples, a seed, and a small counterexample.
@NullMarked
package org.netback.properties;

import org.jspecify.annotations.NullMarked;
