package org.netback.capture;

import java.util.List;

/// An object of JSON in one line (RFC 8259), written field by field.
final class JsonLine {
  private final StringBuilder line = new StringBuilder(300).append('{');

  JsonLine text(String name, String value) {
    field(name).append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' || c == '"' || c == '\\') {
        line.append("\\u00").append(Character.forDigit(c >> 4, 16));
        line.append(Character.forDigit(c & 0xf, 16));
      } else {
        line.append(c);
      }
    }
    line.append('"');
    return this;
  }

  JsonLine number(String name, long value) {
    field(name).append(value);
    return this;
  }

  JsonLine numbers(String name, List<Integer> values) {
    field(name).append(values);
    return this;
  }

  private StringBuilder field(String name) {
    if (line.length() > 1) {
      line.append(", ");
    }
    return line.append('"').append(name).append("\": ");
  }

  String end() {
    return line.append('}').toString();
  }
}
