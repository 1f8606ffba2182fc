package org.netback.client;

import java.util.List;
import java.util.Map;

/// A value of JSON (RFC 8259). Looking into a value that is of another kind, or not there, finds
/// nothing: a daemon of another version may say more or less.
public sealed interface Json {
  /// A string, a number as it is written, a truth value.
  record Scalar(String text) implements Json {}

  /// Null, and what is not there.
  enum Nothing implements Json {
    NOTHING
  }

  record Array(List<Json> values) implements Json {}

  /// @param values in the order in which they came
  record Fields(Map<String, Json> values) implements Json {}

  /// Reads a text that is one value.
  ///
  /// @throws IllegalArgumentException it is no JSON, or nested too deeply; says where
  static Json parse(String text) {
    return new JsonReader(text).read();
  }

  default Json at(String key) {
    return this instanceof Fields(var values)
        ? values.getOrDefault(key, Nothing.NOTHING)
        : Nothing.NOTHING;
  }

  /// A scalar as it would be shown, empty for anything else.
  default String text() {
    return this instanceof Scalar(String text) ? text : "";
  }

  /// A whole number, 0 for anything else.
  default long number() {
    try {
      return Long.parseLong(text());
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  default boolean isTrue() {
    return text().equals("true");
  }

  /// An array's values, none for anything else.
  default List<Json> items() {
    return this instanceof Array(var values) ? values : List.of();
  }

  /// An object's fields, none for anything else.
  default Map<String, Json> fields() {
    return this instanceof Fields(var values) ? values : Map.of();
  }
}
