package org.netback.xen.event;

/// How long a peer that notifies without work has to wait for the next call of its handler
/// (XSA-332): after the second call in a row that found none 1 ms, then 2 ms, 4 ms, up to a second.
/// A call that finds work ends it. Confined to one loop.
public final class BackOff {
  private static final int SPURIOUS_ALLOWED = 1;
  private static final int MOST_DOUBLINGS = 10;
  private static final long FIRST_DELAY_NANOS = 1_000_000;
  private static final long LONGEST_DELAY_NANOS = 1_000_000_000;

  /// Handler calls in a row that found no work.
  private int spurious;

  /// Whether a call that finds no work would be followed by a delay.
  public boolean isNear() {
    return spurious >= SPURIOUS_ALLOWED;
  }

  /// Takes note of a call.
  ///
  /// @return how long notifications have to wait after it, in nanoseconds; mostly 0
  public long delayAfter(boolean work) {
    if (work) {
      spurious = 0;
      return 0;
    }
    if (++spurious <= SPURIOUS_ALLOWED) {
      return 0;
    }
    int doublings = spurious - SPURIOUS_ALLOWED - 1;
    if (doublings >= MOST_DOUBLINGS) {
      spurious--; // counts no further
      return LONGEST_DELAY_NANOS;
    }
    return FIRST_DELAY_NANOS << doublings;
  }
}
