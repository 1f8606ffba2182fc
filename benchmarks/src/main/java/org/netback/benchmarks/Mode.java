package org.netback.benchmarks;

import java.util.Locale;

/// What a thread does that finds nothing to do: a guest's, or the backend's.
enum Mode {
  /// It never sleeps.
  POLL(-1),

  /// It looks for some time, as long as to be woken would take, then sleeps.
  SPIN(2000),

  /// It sleeps.
  EVENT(0);

  private final int looks;

  Mode(int looks) {
    this.looks = looks;
  }

  /// How often a thread in C looks before it sleeps; -1 for ever.
  int looks() {
    return looks;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
