package org.netback.daemon.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.util.Map;

/// What a request is answered with.
///
/// @param status of HTTP
/// @param body sent as UTF-8
public record Reply(int status, String contentType, String body) {
  static final ObjectMapper MAPPER =
      new ObjectMapper().configure(SerializationFeature.INDENT_OUTPUT, true);

  /// @param value a record, or a list of them
  public static Reply json(int status, Object value) {
    try {
      return new Reply(status, "application/json", MAPPER.writeValueAsString(value) + '\n');
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("no JSON for " + value.getClass(), e);
    }
  }

  public static Reply ok(Object value) {
    return json(200, value);
  }

  public static Reply text(String text) {
    return new Reply(200, "text/plain; version=0.0.4; charset=utf-8", text);
  }

  /// @param message what is wrong and what to do
  public static Reply error(int status, String message) {
    return json(status, Map.of("error", message));
  }
}
