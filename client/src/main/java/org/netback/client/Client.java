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
  public static final String VERSION = "0.1.0";

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
    switch (invocation.verb()) {
      case HELP -> print(out, Help.about(invocation.arguments()));
      case VERSION -> print(out, "netback " + VERSION + '\n');
      case STATUS -> new Queries(invocation, out).show("/status", Layouts::status);
      case VIF_LIST -> new Queries(invocation, out).show("/vifs", Layouts::vifs);
      case VIF_SHOW ->
          new Queries(invocation, out)
              .show(ControlClient.path("vifs", invocation.arguments().getFirst()), Layouts::fields);
      case VIF_RATE -> new Queries(invocation, out).rate(invocation.arguments().getFirst());
      case FDB_SHOW -> new Queries(invocation, out).show("/fdb", Layouts::fdb);
      case MCAST_SHOW -> new Queries(invocation, out).show("/mcast", Layouts::multicast);
      case PORT_LIST -> new Queries(invocation, out).show("/ports", Layouts::ports);
      case STOP -> new Queries(invocation, out).stop();
      case REHEARSE_QUERIES -> Rehearsal.run();
      case RUN, GROUND, GUEST, DEMO, REHEARSE, SOCKET_TRANSFER ->
          throw new IllegalStateException(
              invocation.verb().phrase() + " is no command of the client's");
    }
    return 0;
  }

  private static void print(Writer out, String text) throws IOException {
    out.write(text);
    out.flush();
  }
}
