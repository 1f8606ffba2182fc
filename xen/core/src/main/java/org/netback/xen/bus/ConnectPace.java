package org.netback.xen.bus;

/// How often a device may be connected. A connection costs hundreds of round trips to the store; a
/// guest that reconnects without pause must not have the others wait for those. Times are the
/// loop's, in nanoseconds.
final class ConnectPace {
  private static final int MOST_IN_A_WINDOW = 8;

  private final long windowNanos;
  private int connects;
  private long since;

  ConnectPace(long windowNanos, long nowNanos) {
    this.windowNanos = windowNanos;
    this.since = nowNanos;
  }

  /// Whether there is one more connection, which is then counted.
  boolean take(long nowNanos) {
    if (nowNanos - since >= windowNanos) {
      since = nowNanos;
      connects = 0;
    }
    if (connects == MOST_IN_A_WINDOW) {
      return false;
    }
    connects++;
    return true;
  }

  /// No connection any more before a whole window has passed.
  void pause(long nowNanos) {
    since = nowNanos;
    connects = MOST_IN_A_WINDOW;
  }
}
