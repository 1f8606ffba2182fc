package org.netback.xen.frontends;

/// What became of a frame at [NetfrontQueue#send].
public enum SendResult {
  /// It is in the ring; the backend sees it after the next [NetfrontQueue#flush].
  SENT,
  /// The ring has no room; [FrameSink#roomAgain] will tell when to try again.
  FULL,
  /// It can never be sent over this connection: too short or too long, or an offload that was not
  /// agreed.
  REFUSED,
  /// There is no connection, or the backend broke it; [FrameSink#roomAgain] will tell when there
  /// is.
  DISCONNECTED
}
