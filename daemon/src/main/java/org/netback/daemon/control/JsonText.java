package org.netback.daemon.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;

/// Writes values as JSON: records, and maps and lists of them.
public final class JsonText {
  private static final ObjectMapper LINES =
      new ObjectMapper().configure(SerializationFeature.INDENT_OUTPUT, true);
  private static final ObjectMapper LINE = new ObjectMapper();

  private JsonText() {}

  /// For people too: a field on each line.
  static String lines(Object value) {
    return write(LINES, value);
  }

  /// On one line, as a stream has each of its values.
  public static String line(Object value) {
    return write(LINE, value);
  }

  private static String write(ObjectMapper mapper, Object value) {
    try {
      return mapper.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("no JSON for " + value.getClass(), e);
    }
  }
}
