package org.netback.daemon.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.netback.daemon.RunDirectory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// The command `netback`.
@Command(
    name = "netback",
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = true,
    version = "netback 0.1.0",
    description = "The paravirtual network backend of a Xen dom0, with a switch inside.",
    subcommands = {
      QueryCommands.Vif.class,
      QueryCommands.Fdb.class,
      QueryCommands.PortCommand.class,
      CommandLine.HelpCommand.class
    })
public final class Main {
  @Spec private CommandSpec spec = CommandSpec.create();

  private Main() {}

  static void main(String[] arguments) {
    System.exit(
        execute(
            new PrintWriter(System.out, false, StandardCharsets.UTF_8),
            new PrintWriter(System.err, true, StandardCharsets.UTF_8),
            arguments));
  }

  /// Runs one command line to its end.
  ///
  /// @return the exit code
  static int execute(PrintWriter out, PrintWriter err, String... arguments) {
    CommandLine line =
        new CommandLine(new Main())
            .setOut(out)
            .setErr(err)
            .setUsageHelpAutoWidth(true)
            .setExecutionExceptionHandler(
                (e, command, parsed) -> {
                  if (e instanceof UserError error) {
                    err.println("netback: " + error.getMessage());
                    return error.exitCode();
                  }
                  throw e;
                });
    if (arguments.length == 0) {
      line.usage(err);
      return 2;
    }
    int code = line.execute(arguments);
    out.flush();
    err.flush();
    return code;
  }

  @Command(name = "status", description = "The daemon in a few lines.")
  int status(
      @Option(
              names = "--control",
              paramLabel = "SOCKET",
              description = "The daemon's control socket (default: ${DEFAULT-VALUE}).",
              defaultValue = RunDirectory.DEFAULT_CONTROL)
          Path control,
      @Option(names = "--json", description = "Print the answer as JSON.") boolean json) {
    return new Queries(control, json, spec.commandLine().getOut()).show("/status", Layouts::status);
  }
}
