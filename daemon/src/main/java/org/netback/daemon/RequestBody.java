package org.netback.daemon;

import java.util.List;
import org.netback.daemon.config.ConfigurationException;
import org.netback.daemon.control.RequestException;

/// What a request says in its body.
final class RequestBody {
  private RequestBody() {}

  /// Understands a body; what it throws is the client's mistake.
  @FunctionalInterface
  interface Reader<T> {
    T read() throws ConfigurationException;
  }

  /// @throws RequestException 400, with what would be right
  static <T> T read(Reader<T> reader) throws RequestException {
    try {
      return reader.read();
    } catch (ConfigurationException e) {
      throw new RequestException(400, String.valueOf(e.getMessage()));
    }
  }

  /// Names that there are, for a request that asks for another.
  static String names(List<String> names) {
    return names.isEmpty() ? "none" : String.join(", ", names);
  }
}
