package org.netback.vswitch;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/// What a [MacTable] keeps of one port. The lists and counts are written under the table's lock;
/// read by any thread.
final class PortAddresses {
  private final MacEntry learned = MacEntry.listEnd();
  private final MacEntry entered = MacEntry.listEnd();
  private final AtomicInteger learnedCount = new AtomicInteger();
  private final AtomicInteger enteredCount = new AtomicInteger();
  private final LongAdder refusals = new LongAdder();
  private final LongAdder moves = new LongAdder();

  /// The end of the list of those that were learned.
  MacEntry learned() {
    return learned;
  }

  /// The end of the list of those that were entered by hand.
  MacEntry entered() {
    return entered;
  }

  int learnedCount() {
    return learnedCount.get();
  }

  void addLearned(int change) {
    learnedCount.addAndGet(change);
  }

  void addEntered(int change) {
    enteredCount.addAndGet(change);
  }

  /// All of them.
  int count() {
    return learnedCount.get() + enteredCount.get();
  }

  void countRefusal() {
    refusals.increment();
  }

  long refusals() {
    return refusals.sum();
  }

  void countMove() {
    moves.increment();
  }

  long moves() {
    return moves.sum();
  }
}
