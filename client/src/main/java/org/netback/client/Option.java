package org.netback.client;

/// An option of a command.
///
/// @param name as it is written: `--control`
/// @param value what its value is called in the help; empty for a switch, which has none
/// @param fallback its value if it is not given; empty for none
/// @param description a sentence
public record Option(
    String name, String value, String fallback, boolean required, String description) {
  /// Where a ground and the daemon keep their sockets unless they are told otherwise.
  public static final String RUN_DIRECTORY = "/run/netback";

  public static final Option WAIT =
      valued("--wait", "SECONDS", "60", "How long to wait for the daemon's end.");
  public static final Option JSON = flag("--json", "Print the answer as JSON.");
  static final Option FOLLOW =
      flag("--follow", "Go on with what comes, until the console goes. Ctrl-C ends it.");
  public static final Option KEEP_GUESTS =
      flag("--keep-guests", "Leave the guests connected, for another daemon to take over.");

  static Option valued(String name, String value, String fallback, String description) {
    return new Option(name, value, fallback, false, description);
  }

  static Option optional(String name, String value, String description) {
    return new Option(name, value, "", false, description);
  }

  static Option required(String name, String value, String description) {
    return new Option(name, value, "", true, description);
  }

  static Option flag(String name, String description) {
    return new Option(name, "", "", false, description);
  }

  boolean isSwitch() {
    return value.isEmpty();
  }

  /// As it stands in the help: `--control SOCKET`.
  String form() {
    return isSwitch() ? name : name + ' ' + value;
  }
}
