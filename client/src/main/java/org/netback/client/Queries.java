package org.netback.client;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Asks a running daemon, and prints what it answers: as it came with `--json`, else as a table.
final class Queries {
  private final Invocation invocation;
  private final Path socket;
  private final Writer out;

  Queries(Invocation invocation, Writer out) {
    this.invocation = invocation;
    this.socket = invocation.path("--control");
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

  /// Changes a vif's rates, and prints what they are now.
  void rate(String id) throws IOException {
    List<String> rates = new ArrayList<>();
    invocation.value("--from-guest").ifPresent(rate -> rates.add(field("fromGuest", rate)));
    invocation.value("--to-guest").ifPresent(rate -> rates.add(field("toGuest", rate)));
    if (rates.isEmpty()) {
      throw invocation.wrong("give --from-guest RATE, --to-guest RATE, or both");
    }
    String path = ControlClient.path("vifs", id, "rate");
    String answer;
    try {
      answer = ask("PUT", path, '{' + String.join(", ", rates) + '}');
    } catch (UserError e) {
      throw new UserError(e.exitCode(), asOption(String.valueOf(e.getMessage())));
    }
    print(answer, Layouts::fields);
  }

  /// Names the option where the daemon names the field of a request that nobody has typed.
  private static String asOption(String message) {
    return message
        .replaceFirst("^request:[0-9:]+ \"fromGuest\"", "--from-guest")
        .replaceFirst("^request:[0-9:]+ \"toGuest\"", "--to-guest");
  }

  private static String field(String key, String value) {
    StringBuilder field = new StringBuilder("\"").append(key).append("\": \"");
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

  private void print(String answer, Layout layout) throws IOException {
    out.write(invocation.has("--json") ? answer : layout.lines(read(answer)));
    out.flush();
  }

  /// Has the daemon end, and waits until it has.
  void stop() {
    Duration patience = invocation.seconds("--wait");
    String body = "{\"keepGuests\": " + invocation.has("--keep-guests") + "}";
    long pid = read(ask("POST", "/stop", body)).at("pid").number();
    try {
      ProcessHandle.of(pid)
          .map(ProcessHandle::onExit)
          .orElse(CompletableFuture.completedFuture(ProcessHandle.current()))
          .get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError(UserError.FAILED, "interrupted");
    } catch (ExecutionException | TimeoutException e) {
      throw new UserError(
          UserError.TIMEOUT,
          "the daemon, pid "
              + pid
              + ", is ending and has not ended within "
              + patience.toMillis() / 1000.0
              + " s: see its log, or wait longer with --wait SECONDS");
    }
  }

  private String ask(String method, String path, String body) {
    ControlClient client = new ControlClient(socket, invocation.seconds("--timeout"));
    ControlClient.Response response;
    try {
      response = client.request(method, path, body);
    } catch (ControlException e) {
      throw new UserError(e.exitCode(), String.valueOf(e.getMessage()));
    }
    if (response.status() >= 300) {
      throw new UserError(UserError.FAILED, Table.printable(reason(response)));
    }
    return response.body();
  }

  private static String reason(ControlClient.Response response) {
    try {
      String error = Json.parse(response.body()).at("error").text();
      if (!error.isEmpty()) {
        return error;
      }
    } catch (IllegalArgumentException e) {
      // No daemon of ours, or none of this version: what it says is shown as it is.
    }
    return "HTTP status " + response.status() + ' ' + response.body().strip();
  }

  private Json read(String text) {
    try {
      return Json.parse(text);
    } catch (IllegalArgumentException e) {
      throw new UserError(
          UserError.PROTOCOL,
          "what answers on "
              + socket
              + " is no netback, or of another version: its answer is no JSON: "
              + e.getMessage());
    }
  }
}
