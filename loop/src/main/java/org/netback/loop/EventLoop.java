package org.netback.loop;

/// One thread that runs tasks, timers and event handlers in turn. Drivers are written for one loop
/// and need no lock; a test steps a loop by hand, with a clock of its own.
///
/// Whatever a callback throws, a [StackOverflowError] too, ends that callback and nothing else: the
/// loop records it in [#errors()], once and as its own, and goes on. A task or a timer that throws
/// is over. A recurring timer comes again. What the loop lingers at is looked at no more, and not
/// armed. A descriptor's watch is stopped, since it would throw again at once. An event handler
/// stays and counts as one that found no work, so that its peer is slowed down.
///
/// A driver that has more to end, as a device has, catches its callbacks' exceptions itself, ends
/// what has to end, and records them in [#errors()] with the device as their owner.
public interface EventLoop {
  /// Runs a task on the loop; may be called from any thread.
  void execute(Runnable task);

  /// Runs a task once, after a delay.
  Timer schedule(long delayNanos, Runnable task);

  /// Runs a task again and again, the first time after the delay, then always that long after the
  /// last time.
  default Timer repeat(long delayNanos, Runnable task) {
    Recurring recurring = new Recurring(this, delayNanos, task);
    schedule(delayNanos, recurring);
    return recurring;
  }

  boolean inLoop();

  /// Asks the loop to go on looking for work for some microseconds, which saves a peer that is
  /// about to publish more a notification, and the loop a sleep. When none came for that long, it
  /// calls [Polled#arm()] once. On the loop, and not while it lingers there already.
  ///
  /// @return false if it does not linger: then nothing is called, and the caller arms at once
  boolean linger(Polled work);

  /// Where the loop records what escapes its callbacks.
  InternalErrors errors();

  /// The loop's clock in nanoseconds, from an arbitrary origin; never goes back.
  long nanoTime();

  /// A task that waits for its time.
  interface Timer {
    /// Has no effect after the task has run.
    void cancel();
  }
}
