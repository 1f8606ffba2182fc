package org.netback.daemon.config;

import java.util.List;

/// A request to end the daemon.
///
/// @param keepGuests whether guests stay connected for the next daemon
public record StopRequest(boolean keepGuests) {
  private static final List<String> KEYS = List.of("keepGuests");

  /// Reads it as JSON; an empty text keeps no guests.
  public static StopRequest read(String source, String text) throws ConfigurationException {
    return new StopRequest(
        !text.isBlank()
            && YamlMap.parse(source, "a request to stop", text, KEYS).flag("keepGuests", false));
  }
}
