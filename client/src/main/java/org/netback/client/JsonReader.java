package org.netback.client;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Reads one text from its beginning to its end.
final class JsonReader {
  private static final int MAX_DEPTH = 100;

  private final String text;
  private int at;
  private int depth;

  JsonReader(String text) {
    this.text = text;
  }

  Json read() {
    Json value = value();
    skipSpace();
    if (at < text.length()) {
      throw wrong("something after the value");
    }
    return value;
  }

  private Json value() {
    skipSpace();
    return switch (peek()) {
      case '{' -> object();
      case '[' -> array();
      case '"' -> new Json.Scalar(string());
      default -> literal();
    };
  }

  private Json object() {
    enter();
    Map<String, Json> values = new LinkedHashMap<>();
    if (!next('}')) {
      do {
        skipSpace();
        String key = string();
        expect(':');
        values.put(key, value());
      } while (next(','));
      expect('}');
    }
    depth--;
    return new Json.Fields(values);
  }

  private Json array() {
    enter();
    List<Json> values = new ArrayList<>();
    if (!next(']')) {
      do {
        values.add(value());
      } while (next(','));
      expect(']');
    }
    depth--;
    return new Json.Array(values);
  }

  private void enter() {
    at++;
    if (++depth > MAX_DEPTH) {
      throw wrong("nested more than " + MAX_DEPTH + " deep");
    }
  }

  private Json literal() {
    int start = at;
    while (at < text.length() && isLiteral(text.charAt(at))) {
      at++;
    }
    String word = text.substring(start, at);
    if (word.equals("null")) {
      return Json.Nothing.NOTHING;
    }
    // A number is shown as it was written: it need not fit any type of Java's.
    if (word.equals("true") || word.equals("false") || isNumber(word)) {
      return new Json.Scalar(word);
    }
    at = start;
    throw wrong("no value");
  }

  private static boolean isLiteral(char c) {
    return isDigit(c) || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E';
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  /// `-? digits (. digits)? ([eE] [+-]? digits)?`
  private static boolean isNumber(String word) {
    int end = digits(word, word.startsWith("-") ? 1 : 0);
    if (end > 0 && end < word.length() && word.charAt(end) == '.') {
      end = digits(word, end + 1);
    }
    if (end > 0 && end < word.length() && "eE".indexOf(word.charAt(end)) >= 0) {
      boolean signed = end + 1 < word.length() && "+-".indexOf(word.charAt(end + 1)) >= 0;
      end = digits(word, signed ? end + 2 : end + 1);
    }
    return end > 0 && end == word.length();
  }

  /// Where digits that begin here end; 0 if there are none.
  private static int digits(String word, int start) {
    int end = start;
    while (end < word.length() && isDigit(word.charAt(end))) {
      end++;
    }
    return end == start ? 0 : end;
  }

  private String string() {
    if (peek() != '"') {
      throw wrong("no string");
    }
    StringBuilder string = new StringBuilder();
    at++;
    while (peek() != '"') {
      char c = text.charAt(at++);
      string.append(c == '\\' ? escaped() : c);
    }
    at++;
    return string.toString();
  }

  private char escaped() {
    char c = peek();
    at++;
    return switch (c) {
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> {
        try {
          char unit = (char) Integer.parseInt(text, at, at + 4, 16);
          at += 4;
          yield unit;
        } catch (NumberFormatException | IndexOutOfBoundsException e) {
          throw wrong("no four hexadecimal digits");
        }
      }
      case '"', '\\', '/' -> c;
      default -> throw wrong("no escape");
    };
  }

  private boolean next(char c) {
    skipSpace();
    if (at < text.length() && text.charAt(at) == c) {
      at++;
      return true;
    }
    return false;
  }

  private void expect(char c) {
    if (!next(c)) {
      throw wrong("no '" + c + '\'');
    }
  }

  private char peek() {
    if (at >= text.length()) {
      throw wrong("its end");
    }
    return text.charAt(at);
  }

  private void skipSpace() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private IllegalArgumentException wrong(String what) {
    return new IllegalArgumentException(what + " at character " + at);
  }
}
