package org.netback.console;

import java.util.Arrays;

/// The end of what a guest has put, for who comes late. Guarded by its console's guard.
final class Scrollback {
  private final OctetQueue octets;

  /// @param bound octets that are kept
  Scrollback(int bound) {
    this.octets = new OctetQueue(bound);
  }

  void add(byte[] from, int length) {
    octets.addNewest(from, 0, length);
  }

  byte[] octets() {
    byte[] all = new byte[octets.size()];
    octets.peek(all);
    return all;
  }

  /// Shows all of it to a viewer.
  void show(Viewer viewer) {
    byte[] all = octets();
    for (int at = 0; at < all.length; at += GuestConsole.CHUNK) {
      byte[] some = Arrays.copyOfRange(all, at, Math.min(all.length, at + GuestConsole.CHUNK));
      viewer.output(some, some.length);
    }
  }
}
