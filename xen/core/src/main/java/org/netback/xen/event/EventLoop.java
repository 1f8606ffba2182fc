package org.netback.xen.event;

/// One thread that runs tasks, timers and event handlers in turn. Drivers are written for one loop
/// and need no lock; a test steps a loop by hand, with a clock of its own.
public interface EventLoop {
  /// Runs a task on the loop; may be called from any thread.
  void execute(Runnable task);

  /// Runs a task once, after a delay.
  Timer schedule(long delayNanos, Runnable task);

  boolean inLoop();

  /// Asks the loop to go on looking for work for some microseconds, which saves a peer that is
  /// about to publish more a notification, and the loop a sleep. When none came for that long, it
  /// calls [Polled#arm()] once. On the loop, and not while it lingers there already.
  ///
  /// @return false if it does not linger: then nothing is called, and the caller arms at once
  boolean linger(Polled work);

  /// The loop's clock in nanoseconds, from an arbitrary origin; never goes back.
  long nanoTime();

  /// A task that waits for its time.
  interface Timer {
    /// Has no effect after the task has run.
    void cancel();
  }
}
