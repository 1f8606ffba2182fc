package org.netback.benchmarks;

import java.util.Locale;
import java.util.concurrent.TimeUnit;

/// What a thread does that finds nothing to do: a guest's, or the backend's.
enum Mode {
  /// It never sleeps.
  POLL(-1, TimeUnit.SECONDS.toNanos(1)),

  /// It looks for some time, as long as to be woken would take, then sleeps.
  SPIN(2000, TimeUnit.MICROSECONDS.toNanos(20)),

  /// It sleeps.
  EVENT(0, 0);

  private final int looks;
  private final long lingerNanos;

  Mode(int looks, long lingerNanos) {
    this.looks = looks;
    this.lingerNanos = lingerNanos;
  }

  /// How often a thread in C looks before it sleeps; -1 for ever.
  int looks() {
    return looks;
  }

  /// How long a loop of netback's lingers at most.
  long lingerNanos() {
    return lingerNanos;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
