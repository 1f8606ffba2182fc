package org.netback.benchmarks;

/// What a guest's round did to its ring.
enum Push {
  NOTHING,
  QUIET,
  NOTIFY
}
