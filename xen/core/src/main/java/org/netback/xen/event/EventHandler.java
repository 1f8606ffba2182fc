package org.netback.xen.event;

/// What a driver does when its peer notified it.
@FunctionalInterface
public interface EventHandler {
  /// Runs on the channel's loop.
  ///
  /// @return whether there was work: the ground slows down a peer that notifies without any
  ///   (XSA-332), as late EOI does in Linux
  boolean onEvent();
}
