package org.netback.daemon.control;

import java.nio.charset.StandardCharsets;

/// One event of a stream of type `text/event-stream` (HTML, section 9.2).
///
/// @param event its kind: one word
/// @param data one line
public record ServerSentEvent(String event, String data) {
  public ServerSentEvent {
    if ((event + data).chars().anyMatch(c -> c == '\n' || c == '\r')) {
      throw new IllegalArgumentException("a line break within an event");
    }
  }

  /// As it is sent.
  public byte[] octets() {
    return ("event: " + event + "\ndata: " + data + "\n\n").getBytes(StandardCharsets.UTF_8);
  }
}
