package org.netback.daemon.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import org.netback.daemon.control.ControlClient;

/// Asks a running daemon, and prints what it answers: as it came with `--json`, else as a table.
final class Queries {
  private static final ObjectMapper MAPPER = new ObjectMapper();

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

  private String get(String path) {
    ControlClient.Response response;
    try {
      response = new ControlClient(socket).request("GET", path, "");
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
    if (response.status() != 200) {
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
