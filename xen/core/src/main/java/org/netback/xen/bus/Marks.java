package org.netback.xen.bus;

import java.util.LinkedHashSet;
import java.util.SequencedSet;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.netback.loop.EventLoop;

/// What is to be looked at, on a loop, since something about it has changed: however often it
/// changes before the loop has its turn, it is looked at once.
final class Marks<M> {
  private final EventLoop loop;
  private final Consumer<SequencedSet<M>> look;
  private final ReentrantLock lock = new ReentrantLock();
  private SequencedSet<M> marked = new LinkedHashSet<>();

  /// @param look called on the loop with all that was marked since, in the order of the first marks
  Marks(EventLoop loop, Consumer<SequencedSet<M>> look) {
    this.loop = loop;
    this.look = look;
  }

  /// Any thread.
  void mark(M mark) {
    boolean schedule;
    lock.lock();
    try {
      schedule = marked.isEmpty();
      marked.add(mark);
    } finally {
      lock.unlock();
    }
    if (schedule) {
      try {
        loop.execute(() -> look.accept(take()));
      } catch (RejectedExecutionException e) {
        // The loop has ended, and whoever looked; the store did not know yet.
        return;
      }
    }
  }

  private SequencedSet<M> take() {
    lock.lock();
    try {
      SequencedSet<M> taken = marked;
      marked = new LinkedHashSet<>();
      return taken;
    } finally {
      lock.unlock();
    }
  }
}
