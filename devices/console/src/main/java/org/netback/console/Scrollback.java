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

  /// What was put, with control sequences taken out.
  static byte[] text(byte[] octets) {
    return new EscapeFilter().text(octets, octets.length);
  }

  /// Shows all of it to a viewer, as text: a program of the guest's may have asked its terminal
  /// something, and the viewer's terminal would answer, at whatever reads the guest's input now.
  void show(Viewer viewer) {
    byte[] all = text(octets());
    for (int at = 0; at < all.length; at += GuestConsole.CHUNK) {
      byte[] some = Arrays.copyOfRange(all, at, Math.min(all.length, at + GuestConsole.CHUNK));
      viewer.output(some, some.length);
    }
  }
}
