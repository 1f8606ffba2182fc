package org.netback.xen.bus;

/// State of one end of a device (io/xenbus.h `enum xenbus_state`); the ordinal is the value on the
/// bus.
public enum XenbusState {
  UNKNOWN,
  INITIALISING,
  INIT_WAIT,
  INITIALISED,
  CONNECTED,
  CLOSING,
  CLOSED,
  RECONFIGURING,
  RECONFIGURED;

  private static final XenbusState[] STATES = values();

  /// Reads a `state` node: hostile text gives [#UNKNOWN].
  public static XenbusState parse(String text) {
    if (text.length() == 1) {
      int value = text.charAt(0) - '0';
      if (value >= 0 && value < STATES.length) {
        return STATES[value];
      }
    }
    return UNKNOWN;
  }

  /// The text of a `state` node.
  public String text() {
    return Integer.toString(ordinal());
  }
}
