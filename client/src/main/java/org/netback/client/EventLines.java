package org.netback.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/// Takes a stream of Server-Sent Events (HTML, section 9.2) apart as it comes, and hands on the
/// data of each; lines end as the daemon ends them, with a line feed.
final class EventLines implements ControlClient.Sink {
  /// The longest line, in octets.
  static final int MAX_LINE = 1 << 20;

  private static final String DATA = "data: ";

  private final Listener listener;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();

  /// Gets the data of one event.
  @FunctionalInterface
  interface Listener {
    void event(String data) throws IOException;
  }

  EventLines(Listener listener) {
    this.listener = listener;
  }

  @Override
  public void take(byte[] octets, int offset, int length) throws IOException {
    for (int i = offset; i < offset + length; i++) {
      if (octets[i] == '\n') {
        String text = line.toString(StandardCharsets.UTF_8);
        line.reset();
        if (text.startsWith(DATA)) {
          listener.event(text.substring(DATA.length()));
        }
      } else if (line.size() < MAX_LINE) {
        line.write(octets[i]);
      } else {
        throw new ControlException(
            UserError.PROTOCOL,
            "an event is longer than " + MAX_LINE + " octets: this is no netback");
      }
    }
  }
}
