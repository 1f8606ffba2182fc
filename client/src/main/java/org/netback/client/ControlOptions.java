package org.netback.client;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;

/// The options of every command that asks a daemon.
///
/// @param socket the daemon's control socket
/// @param timeout how long to wait for an answer, or the beginning of a stream
public record ControlOptions(Path socket, Duration timeout) {
  private static final Option CONTROL =
      Option.valued(
          "--control",
          "SOCKET",
          Option.RUN_DIRECTORY + "/control.sock",
          "The daemon's control socket.");
  private static final Option TIMEOUT =
      Option.valued("--timeout", "SECONDS", "5", "How long to wait for the answer.");

  /// A command's own options, then these.
  static Option[] after(Option... own) {
    Option[] all = Arrays.copyOf(own, own.length + 2);
    all[own.length] = CONTROL;
    all[own.length + 1] = TIMEOUT;
    return all;
  }

  public static ControlOptions of(Invocation invocation) {
    return new ControlOptions(invocation.path("--control"), invocation.seconds("--timeout"));
  }

  public ControlClient client() {
    return new ControlClient(socket, timeout);
  }
}
