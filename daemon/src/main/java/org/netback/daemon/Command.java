package org.netback.daemon;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// Another program, run to its end.
public final class Command {
  private Command() {}

  /// How a program ended.
  ///
  /// @param code its exit code
  /// @param out all that it wrote to stdout; likewise err
  public record Result(int code, String out, String err) {}

  /// Runs a program and returns what it wrote.
  ///
  /// @throws IOException it is not there, took longer than the limit (it is killed then), or this
  ///   thread was interrupted
  public static Result run(Duration limit, List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command).redirectInput(ProcessBuilder.Redirect.from(NULL)).start();
    try {
      CompletableFuture<String> out = text(process.getInputStream());
      CompletableFuture<String> err = text(process.getErrorStream());
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new IOException(
            String.join(" ", command) + ": not done within " + limit.toSeconds() + " s");
      }
      return new Result(process.exitValue(), out.join(), err.join());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(String.join(" ", command) + ": interrupted", e);
    } finally {
      process.destroyForcibly();
    }
  }

  private static final java.io.File NULL = new java.io.File("/dev/null");

  /// Runs a program that has to succeed.
  ///
  /// @return what it wrote to stdout
  /// @throws IOException likewise, or it failed: with what it wrote to stderr
  public static String succeed(Duration limit, List<String> command) throws IOException {
    Result result = run(limit, command);
    if (result.code != 0) {
      throw new IOException(
          String.join(" ", command)
              + ": exit code "
              + result.code
              + ": "
              + (result.err.isBlank() ? result.out : result.err).strip());
    }
    return result.out;
  }

  private static CompletableFuture<String> text(InputStream stream) {
    CompletableFuture<String> text = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try (stream) {
                text.complete(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
              } catch (IOException e) {
                text.completeExceptionally(new UncheckedIOException(e));
              }
            });
    return text;
  }
}
