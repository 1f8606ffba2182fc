package org.netback.xen.ring;

/// The end of a ring from which a [RingService] takes: slots of requests ([BackRing]) or octets
/// ([ByteRing]).
public interface RingEnd {
  /// How much waits to be consumed. Reads the peer's index once; that much may be consumed without
  /// reading it again.
  ///
  /// @throws RingViolation if the index cannot be true
  int waiting() throws RingViolation;

  /// How far the peer is known to have come, as of the last [#waiting()]: a number that is another
  /// one after whatever the peer notifies of.
  int progress();

  /// Asks to be notified when that much waits; the caller looks again after this.
  void ask(int wanted);

  /// Whether a backend before this one may have died before it notified the peer.
  boolean owesNotification();

  /// Whether something was put that the peer cannot see yet.
  default boolean holdsBack() {
    return false;
  }
}
