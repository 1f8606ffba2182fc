package org.netback.netif;

import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;

/// What the two ends of a queue hold while they touch a guest's pages. Who holds both knows that
/// neither end has one in hand: so pages that were mapped for good are exchanged.
///
/// @param tx the [TxQueue]'s, always taken first, since a round may deliver to an [RxQueue]
/// @param rx the [RxQueue]'s
record QueueLocks(ReentrantLock tx, ReentrantLock rx) implements Executor {
  QueueLocks() {
    this(new ReentrantLock(), new ReentrantLock());
  }

  /// Runs a short task at once, while neither end runs.
  @Override
  public void execute(Runnable task) {
    tx.lock();
    try {
      rx.lock();
      try {
        task.run();
      } finally {
        rx.unlock();
      }
    } finally {
      tx.unlock();
    }
  }
}
