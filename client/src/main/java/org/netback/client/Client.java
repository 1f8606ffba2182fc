package org.netback.client;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// The commands that need no daemon in this process: queries, help, the version.
public final class Client {
  private Client() {}

  static void main(String[] arguments) {
    int code =
        guarded(
            new PrintWriter(System.err, true, StandardCharsets.UTF_8),
            () ->
                run(
                    Invocation.parse(List.of(arguments)),
                    // Not System.out, which keeps quiet about what it cannot write.
                    new OutputStreamWriter(
                        new FileOutputStream(FileDescriptor.out), StandardCharsets.UTF_8)));
    // All is written; System.exit would look for a logging framework to be told of it.
    Runtime.getRuntime().halt(code);
  }

  /// A command as far as it goes.
  @FunctionalInterface
  public interface Action {
    /// @return the exit code
    /// @throws IOException the output cannot be written
    int run() throws IOException;
  }

  /// Does something, and says what went wrong if something did.
  ///
  /// @return the exit code
  public static int guarded(PrintWriter err, Action action) {
    try {
      return action.run();
    } catch (UserError e) {
      err.println("netback: " + e.getMessage());
      return e.exitCode();
    } catch (IOException e) {
      // A reader that has seen enough, as in "netback vif list | head -1", is told nothing.
      if (!"Broken pipe".equals(e.getMessage())) {
        err.println("netback: the output cannot be written: " + e.getMessage());
      }
      return UserError.OUTPUT;
    } catch (RuntimeException e) {
      err.println("netback: a bug of netback's, please report it:");
      e.printStackTrace(err);
      return UserError.BUG;
    }
  }

  /// Does what a command line says.
  ///
  /// @return the exit code
  /// @throws UserError it cannot be done
  /// @throws IOException the output cannot be written
  public static int run(Invocation invocation, Writer out) throws IOException {
    if (!(invocation.verb() instanceof Query query)) {
      throw new IllegalStateException(
          invocation.verb().phrase() + " is no command of the client's");
    }
    query.run(invocation, out);
    return 0;
  }
}
