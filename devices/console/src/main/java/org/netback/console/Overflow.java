package org.netback.console;

/// What becomes of a guest's output that nobody takes.
public enum Overflow {
  /// It stays in the guest's ring until it is taken: nothing is lost, and the guest waits.
  KEEP,
  /// Each viewer loses the oldest of what it has not taken.
  DISCARD
}
