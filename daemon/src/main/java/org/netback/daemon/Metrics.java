package org.netback.daemon;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Meter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.netback.loop.InternalErrors;

/// Counters for Prometheus: of internal errors, and of whatever is [Metered]. Meters read the
/// counters when they are scraped, so that counting costs the data path nothing more; those of a
/// thing that has gone are taken away at the next scrape.
final class Metrics {
  private final List<Metered<?>> kinds;
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Map<Object, List<Meter>> meters = new HashMap<>();

  Metrics(InternalErrors errors, List<Metered<?>> kinds) {
    this.kinds = List.copyOf(kinds);
    FunctionCounter.builder("netback.internal.errors", errors, InternalErrors::count)
        .description("Exceptions that nobody expected: bugs, each told in the log")
        .register(registry);
  }

  /// The text format.
  synchronized String scrape() {
    Set<Object> gone = new HashSet<>(meters.keySet());
    kinds.forEach(kind -> kind.present().get().forEach(gone::remove));
    // First away, then new: a vif that reconnected has the same tags.
    for (Object each : gone) {
      meters.getOrDefault(each, List.of()).forEach(registry::remove);
      meters.remove(each);
    }
    kinds.forEach(this::register);
    return registry.scrape();
  }

  private <T> void register(Metered<T> kind) {
    for (T each : kind.present().get()) {
      meters.computeIfAbsent(each, _ -> kind.register().apply(each, registry));
    }
  }
}
