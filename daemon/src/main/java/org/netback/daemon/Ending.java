package org.netback.daemon;

/// What a daemon that ends does with its guests.
public enum Ending {
  /// Every frontend sees its device closed.
  CLOSE_DEVICES,
  /// No frontend notices; the next daemon goes on where this one stopped.
  KEEP_GUESTS
}
