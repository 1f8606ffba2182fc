package org.netback.adapters.tap;

import java.util.concurrent.atomic.LongAdder;

/// What a [TapPort] knows of its frames beyond the switch's counters. Any thread; writers add once
/// per batch.
public final class TapCounters {
  private final LongAdder readGso = new LongAdder();
  private final LongAdder writtenGso = new LongAdder();
  private final LongAdder rounds = new LongAdder();
  private final LongAdder readErrors = new LongAdder();

  TapCounters() {}

  void round(int gso, int errors) {
    rounds.increment();
    readGso.add(gso);
    if (errors > 0) {
      readErrors.add(errors);
    }
  }

  void written(int gso) {
    writtenGso.add(gso);
  }

  /// Frames from the kernel that it left to be segmented by whoever sends them on.
  public long readGso() {
    return readGso.sum();
  }

  /// Frames to the kernel that it got unsegmented.
  public long writtenGso() {
    return writtenGso.sum();
  }

  /// Rounds of reading: frames per round are what batching gains.
  public long rounds() {
    return rounds.sum();
  }

  /// Reads that failed without the interface being gone.
  public long readErrors() {
    return readErrors.sum();
  }
}
