package org.netback.xen.event;

/// What a driver does when its peer notified it.
@FunctionalInterface
public interface EventHandler {
  /// Runs on the channel's loop. What it throws is recorded there, and it is called again as if it
  /// had found no work.
  ///
  /// @return whether there was work: the ground slows down a peer that notifies without any
  ///   (XSA-332), as late EOI does in Linux
  boolean onEvent();
}
