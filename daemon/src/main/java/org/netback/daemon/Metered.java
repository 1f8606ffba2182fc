package org.netback.daemon;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Collection;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/// A kind of things that come and go and have meters of their own: ports, vifs.
///
/// @param present those that are there now
/// @param register makes the meters of one, which read its counters when they are scraped
/// @param <T> equal for the same thing: its identity, or an id
record Metered<T>(
    Supplier<Collection<T>> present, BiFunction<T, MeterRegistry, List<Meter>> register) {}
