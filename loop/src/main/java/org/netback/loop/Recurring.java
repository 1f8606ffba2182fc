package org.netback.loop;

/// A task that a loop runs again and again. Confined to the loop, except [#cancel].
final class Recurring implements Runnable, EventLoop.Timer {
  private final EventLoop loop;
  private final long delayNanos;
  private final Runnable task;
  private volatile boolean cancelled;

  Recurring(EventLoop loop, long delayNanos, Runnable task) {
    this.loop = loop;
    this.delayNanos = delayNanos;
    this.task = task;
  }

  /// Comes again whatever the task throws, which is the loop's to record.
  @Override
  public void run() {
    if (cancelled) {
      return;
    }
    try {
      task.run();
    } finally {
      if (!cancelled) {
        loop.schedule(delayNanos, this);
      }
    }
  }

  @Override
  public void cancel() {
    cancelled = true;
  }
}
