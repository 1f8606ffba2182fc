package org.netback.daemon.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.netback.daemon.control.ControlClient;

/// Asks a running daemon, and prints what it answers: as it came with `--json`, else as a table.
final class Queries {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final long STOP_SECONDS = 60;

  private final Path socket;
  private final boolean json;
  private final PrintWriter out;

  Queries(Path socket, boolean json, PrintWriter out) {
    this.socket = socket;
    this.json = json;
    this.out = out;
  }

  /// Makes lines of a daemon's answer.
  @FunctionalInterface
  interface Layout {
    String lines(JsonNode answer);
  }

  int show(String path, Layout layout) {
    String answer = get(path);
    out.print(json ? answer : layout.lines(read(answer)));
    out.flush();
    return 0;
  }

  /// Changes something, and prints what it is now.
  int change(String path, Map<String, String> values, Layout layout) {
    String answer;
    try {
      answer = ask("PUT", path, MAPPER.writeValueAsString(values));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("no JSON for " + values, e);
    }
    out.print(json ? answer : layout.lines(read(answer)));
    out.flush();
    return 0;
  }

  /// Has the daemon end, and waits until it has.
  int stop(boolean keepGuests) {
    JsonNode answer = read(ask("POST", "/stop", "{\"keepGuests\": " + keepGuests + "}"));
    long pid = answer.path("pid").asLong();
    try {
      ProcessHandle.of(pid)
          .map(ProcessHandle::onExit)
          .orElse(CompletableFuture.completedFuture(ProcessHandle.current()))
          .get(STOP_SECONDS, TimeUnit.SECONDS);
      return 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UserError(1, "interrupted");
    } catch (ExecutionException | TimeoutException e) {
      throw new UserError(
          1, "the daemon, pid " + pid + ", has not ended within " + STOP_SECONDS + " s");
    }
  }

  private String get(String path) {
    return ask("GET", path, "");
  }

  private String ask(String method, String path, String body) {
    ControlClient.Response response;
    try {
      response = new ControlClient(socket).request(method, path, body);
    } catch (IOException e) {
      throw new UserError(
          UserError.UNAVAILABLE,
          "no daemon listens on "
              + socket
              + " ("
              + e.getMessage()
              + "): start one with \"netback run --config FILE\", or name its socket with"
              + " --control SOCKET");
    }
    if (response.status() >= 300) {
      JsonNode error = read(response.body()).path("error");
      throw new UserError(1, error.isTextual() ? error.textValue() : response.body().strip());
    }
    return response.body();
  }

  private JsonNode read(String text) {
    try {
      return MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      throw new UserError(1, socket + ": the answer is not JSON: " + e.getOriginalMessage());
    }
  }
}
