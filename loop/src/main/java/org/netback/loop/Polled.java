package org.netback.loop;

/// A source of work that can be looked at cheaply, such as a ring: while its loop lingers at it,
/// its peer need not notify. Called on that loop, which looks no more once this has thrown.
public interface Polled {
  /// Looks once, and does what there is to do, a bounded round of it.
  ///
  /// @return whether there was work
  boolean poll();

  /// The loop looks no more: whatever comes from now on has to be announced by an event, and what
  /// has come meanwhile must not be missed.
  void arm();
}
