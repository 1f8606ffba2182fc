package org.netback.console;

import java.util.Set;

/// What an operator chooses for all consoles.
///
/// @param primary whose primary consoles are served: those of guests with these names, or, with
///   "*", of all
/// @param overflow what becomes of output that nobody takes
/// @param events looks that a guest has in 200 ms, see [GuestConsole]
/// @param scrollback octets of each console's past that are kept for who comes late
/// @param pty whether each console has a pty
/// @param tellsConnection whether guests are told, in the octet that later headers have for it,
///   that their console is connected
public record ConsoleSettings(
    Set<String> primary,
    Overflow overflow,
    int events,
    int scrollback,
    boolean pty,
    boolean tellsConnection,
    LogSettings log) {
  /// What xenconsoled allows.
  public static final int USUAL_EVENTS = 30;

  public ConsoleSettings {
    primary = Set.copyOf(primary);
    if (scrollback < 1 || events < 1) {
      throw new IllegalArgumentException(
          "scrollback of " + scrollback + " octets, " + events + " events");
    }
  }

  boolean servesPrimaryOf(String guest) {
    return primary.contains("*") || primary.contains(guest);
  }
}
