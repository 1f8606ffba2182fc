package org.netback.console;

/// Who looks at a console: a pty, a client of a socket, `netback console attach`. Called on the
/// console's loop, under its guard, and never blocks.
public interface Viewer {
  /// For people: `pty /dev/pts/3`.
  String name();

  /// What the guest has put. A viewer that cannot take it all keeps what it can and counts what it
  /// loses.
  ///
  /// @param octets the caller's again when this returns
  void output(byte[] octets, int length);

  /// Whether it cannot take more now. The guest of a console that loses nothing is then held back
  /// until [GuestConsole#goOn()] is called.
  boolean isFull();

  /// There is room for input again, of which the console has not taken all.
  void inputAccepted();

  /// The console has gone.
  void closed(String reason);
}
