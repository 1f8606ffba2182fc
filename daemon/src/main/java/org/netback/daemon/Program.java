package org.netback.daemon;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// Another program, run to its end.
public final class Program {
  /// What a system without a $PATH looks in.
  private static final String DEFAULT_PATH = "/usr/bin:/bin";

  private Program() {}

  /// How a program ended.
  ///
  /// @param code its exit code
  /// @param out all that it wrote to stdout; likewise err
  public record Result(int code, String out, String err) {}

  /// Where a program is.
  ///
  /// @param name without a directory, to be looked for in $PATH; or with one
  public static Optional<Path> find(String name) {
    if (name.indexOf('/') >= 0) {
      return Optional.of(Path.of(name)).filter(Program::isProgram);
    }
    return Stream.of(System.getenv().getOrDefault("PATH", DEFAULT_PATH).split(":"))
        .filter(directory -> !directory.isEmpty())
        .map(directory -> Path.of(directory, name))
        .filter(Program::isProgram)
        .findFirst();
  }

  private static boolean isProgram(Path file) {
    return Files.isRegularFile(file) && Files.isExecutable(file);
  }

  /// @throws MissingProgram one of them is not there
  public static void require(String... names) throws MissingProgram {
    for (String name : names) {
      if (find(name).isEmpty()) {
        throw new MissingProgram(name);
      }
    }
  }

  /// Starts a program.
  ///
  /// @throws MissingProgram it is not there
  static Process start(ProcessBuilder program) throws IOException {
    require(program.command().get(0));
    return program.start();
  }

  /// Runs a program and returns what it wrote.
  ///
  /// @throws MissingProgram it is not there
  /// @throws IOException it took longer than the limit (it is killed then), or this thread was
  ///   interrupted
  public static Result run(Duration limit, List<String> command) throws IOException {
    Process process =
        start(new ProcessBuilder(command).redirectInput(ProcessBuilder.Redirect.from(NULL)));
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
              } catch (Throwable e) {
                // Whoever waits for the text would wait for ever.
                text.completeExceptionally(e);
              }
            });
    return text;
  }
}
