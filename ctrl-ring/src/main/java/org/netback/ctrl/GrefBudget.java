package org.netback.ctrl;

import java.util.concurrent.atomic.AtomicInteger;

/// How many guests' pages may be mapped for good at a time, over all guests: each may cost a
/// mapping of its own in this process's address space, of which the kernel allows some 65,000. A
/// guest that gets none does with grant copies. Any thread.
public final class GrefBudget {
  private final AtomicInteger left;

  public GrefBudget(int pages) {
    left = new AtomicInteger(pages);
  }

  /// @return false if there are not that many
  boolean take(int pages) {
    if (left.addAndGet(-pages) >= 0) {
      return true;
    }
    give(pages);
    return false;
  }

  void give(int pages) {
    left.addAndGet(pages);
  }
}
