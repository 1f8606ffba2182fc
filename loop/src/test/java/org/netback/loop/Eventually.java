package org.netback.loop;

import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/// Waits for what other threads, other processes or the kernel bring about, where they tell nobody.
public final class Eventually {
  /// Far more than anything here takes: a machine may have much else to do.
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private Eventually() {}

  /// Looks again and again until a condition holds, and fails the test if it never does.
  ///
  /// @param what is waited for, for the message
  public static void await(String what, Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + PATIENCE_NANOS;
    while (!condition.call()) {
      if (System.nanoTime() - end > 0) {
        throw new AssertionError("waited in vain for " + what);
      }
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }
}
