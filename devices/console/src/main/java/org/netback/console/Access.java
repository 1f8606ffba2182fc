package org.netback.console;

/// A further way to each console, beside its pty, for as long as the console is open. Called on the
/// bus's loop.
public interface Access {
  /// No further way.
  Access NONE = (name, console) -> () -> {};

  /// A console opens. What keeps the way from being opened is told by whoever opens it; the console
  /// is served all the same.
  ///
  /// @param name fit for a file's, as its log has it: `guest-web`, `guest-web+1`
  /// @return ends the way when the console goes; called once, on the bus's loop
  Runnable open(String name, GuestConsole console);
}
