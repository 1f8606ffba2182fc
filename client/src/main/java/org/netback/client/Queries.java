package org.netback.client;

import java.io.IOException;
import java.io.OutputStream;
import java.io.Writer;

/// Asks a running daemon, and prints what it answers: as it came with `--json`, else as a table.
final class Queries {
  private final Invocation invocation;
  private final ControlOptions options;
  private final Writer out;

  Queries(Invocation invocation, Writer out) {
    this.invocation = invocation;
    this.options = ControlOptions.of(invocation);
    this.out = out;
  }

  /// Makes lines of a daemon's answer.
  @FunctionalInterface
  interface Layout {
    String lines(Json answer);
  }

  /// @throws IOException the output cannot be written
  void show(String path, Layout layout) throws IOException {
    print(ask("GET", path, ""), layout);
  }

  /// Prints the events of a stream as they come, one line each, until it ends.
  ///
  /// @throws IOException the output cannot be written
  void follow(String path, Layout layout) throws IOException {
    stream(
        "GET",
        path,
        "",
        new EventLines(
            data -> {
              out.write(invocation.has("--json") ? data + '\n' : layout.lines(read(data)));
              out.flush();
            }));
  }

  /// Prints a stream of text as it comes, until its source has gone.
  ///
  /// @throws IOException the output cannot be written
  /// @throws UserError it was the daemon that has gone
  void pour(String method, String path, String body) throws IOException {
    stream(method, path, body, new TextSink(out));
    tellEnd();
  }

  /// The same for what is no text.
  void pour(String method, String path, String body, OutputStream to) throws IOException {
    stream(method, path, body, to::write);
    tellEnd();
  }

  private void tellEnd() {
    try {
      var _ = options.client().request("GET", "/status", "");
    } catch (ControlException e) {
      throw new UserError(
          e.exitCode(),
          e.exitCode() == UserError.UNAVAILABLE
              ? "the daemon on " + options.socket() + " has gone"
              : String.valueOf(e.getMessage()));
    }
  }

  private void stream(String method, String path, String body, ControlClient.Sink sink)
      throws IOException {
    try {
      accepted(options.client().stream(method, path, body, sink));
    } catch (ControlException e) {
      throw new UserError(e.exitCode(), String.valueOf(e.getMessage()));
    }
  }

  /// A field of a request in JSON.
  static String field(String key, String value) {
    return quoted(key) + ": " + quoted(value);
  }

  /// A text in JSON.
  static String quoted(String value) {
    StringBuilder field = new StringBuilder("\"");
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c < ' ' || c == '"' || c == '\\') {
        field.append("\\u00").append(Character.forDigit(c >> 4, 16));
        field.append(Character.forDigit(c & 0xf, 16));
      } else {
        field.append(c);
      }
    }
    return field.append('"').toString();
  }

  void print(String answer, Layout layout) throws IOException {
    out.write(invocation.has("--json") ? answer : layout.lines(read(answer)));
    out.flush();
  }

  /// Asks, and takes nothing but a yes.
  ///
  /// @return the answer's body
  /// @throws UserError there is no answer, or it says no
  String ask(String method, String path, String body) {
    try {
      return accepted(options.client().request(method, path, body)).body();
    } catch (ControlException e) {
      throw new UserError(e.exitCode(), String.valueOf(e.getMessage()));
    }
  }

  private static ControlClient.Response accepted(ControlClient.Response response) {
    if (response.status() >= 300) {
      throw new UserError(UserError.FAILED, Table.printable(response.reason()));
    }
    return response;
  }

  /// Understands an answer.
  Json read(String text) {
    try {
      return Json.parse(text);
    } catch (IllegalArgumentException e) {
      throw new UserError(
          UserError.PROTOCOL,
          "what answers on "
              + options.socket()
              + " is no netback, or of another version: its answer is no JSON: "
              + e.getMessage());
    }
  }
}
