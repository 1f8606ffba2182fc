package org.netback.daemon.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.netback.daemon.config.RunDirectory;
import org.netback.daemon.demo.BulkTransfer;
import org.netback.xen.embedded.VifSpec;
import org.netback.xen.frontends.NetfrontOptions;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
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
      QueryCommands.Mcast.class,
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
    // What the service file calls while guests wait for their backend: the parser of command lines
    // takes longer to come up than all the rest of a start.
    if (arguments.length == 3 && arguments[0].equals("run") && arguments[1].equals("--config")) {
      try {
        return ServerCommands.run(Path.of(arguments[2]));
      } catch (UserError e) {
        err.println("netback: " + e.getMessage());
        return e.exitCode();
      }
    }
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

  @Command(name = "run", description = "Run the daemon in the foreground, until SIGTERM or Ctrl-C.")
  int run(
      @Option(
              names = "--config",
              paramLabel = "FILE",
              required = true,
              description = "Its configuration, in YAML; the README shows one.")
          Path config) {
    return ServerCommands.run(config);
  }

  @Command(
      name = "stop",
      description = {
        "End the running daemon, as SIGTERM does: every guest sees its device closed.",
        "With --keep-guests no guest notices, and the next daemon goes on where this one stopped."
      })
  int stop(
      @Option(
              names = "--control",
              paramLabel = "SOCKET",
              description = "The daemon's control socket (default: ${DEFAULT-VALUE}).",
              defaultValue = RunDirectory.DEFAULT_CONTROL)
          Path control,
      @Option(
              names = "--keep-guests",
              description = "Leave the guests connected, for another daemon to take over.")
          boolean keepGuests) {
    return new Queries(control, false, spec.commandLine().getOut()).stop(keepGuests);
  }

  @Command(
      name = "ground",
      description = {
        "Run the ground (domains, xenstored) as a process of its own, which rings survive a daemon"
            + " in."
      })
  int ground(
      @Option(
              names = "--run",
              paramLabel = "DIR",
              description =
                  "Its directory, as in the daemon's ground.run (default: ${DEFAULT-VALUE}).",
              defaultValue = RunDirectory.DEFAULT)
          Path directory) {
    return ServerCommands.ground(directory);
  }

  @Command(
      name = "demo",
      description = {
        "Let guests, a switch and an uplink talk on this machine, check and measure it.",
        "Needs root for guests with a kernel; touches nothing of the host's network."
      })
  int demo(
      @Option(
              names = "--seconds",
              paramLabel = "N",
              description = "How long each load runs (default: ${DEFAULT-VALUE}).",
              defaultValue = "3")
          int seconds,
      @Option(names = "--json", description = "Print the report as JSON.") boolean json) {
    return DemoCommand.run(seconds, json, spec.commandLine().getOut(), spec.commandLine().getErr());
  }

  @Command(name = "rehearse", hidden = true)
  int rehearse() {
    return DemoCommand.rehearse(spec.commandLine().getOut());
  }

  @Command(name = "socket-transfer", hidden = true)
  int socketTransfer(
      @Parameters(arity = "0..1", defaultValue = "") String address,
      @Parameters(arity = "0..1", defaultValue = "1") int seconds)
      throws IOException {
    if (address.isEmpty()) {
      BulkTransfer.receive();
    } else {
      spec.commandLine().getOut().println(BulkTransfer.send(address, seconds));
    }
    return 0;
  }

  @Command(
      name = "guest",
      description = {
        "Run a guest: the network stack of the namespace that it is started in, behind a tap, on"
            + " netif rings. Attaches again when the ground comes back."
      })
  int guest(
      @Option(
              names = "--name",
              required = true,
              paramLabel = "NAME",
              description = "Its domain's name.")
          String name,
      @Option(
              names = "--network",
              required = true,
              paramLabel = "NET",
              description = "The switch's network that it joins.")
          String network,
      @Option(
              names = "--queues",
              paramLabel = "N",
              defaultValue = "1",
              description = "Queues wanted (default: ${DEFAULT-VALUE}).")
          int queues,
      @Option(
              names = "--tap",
              paramLabel = "IFNAME",
              description = "The interface (default: nb-NAME).")
          Optional<String> tap,
      @Option(
              names = "--mac",
              paramLabel = "MAC",
              description = "Its address (default: made from the name).")
          Optional<String> mac,
      @Option(
              names = "--mtu",
              paramLabel = "OCTETS",
              defaultValue = "1500",
              description = "Its MTU (default: ${DEFAULT-VALUE}).")
          int mtu,
      @Option(
              names = "--ground",
              paramLabel = "SOCKET",
              defaultValue = RunDirectory.DEFAULT_GROUND,
              description = "The ground's socket (default: ${DEFAULT-VALUE}).")
          Path ground,
      @Option(names = "--no-gso", description = "Take no frames that are still to be segmented.")
          boolean noGso,
      @Option(names = "--no-csum", description = "Take no blank checksums.") boolean noCsum,
      @Option(names = "--no-sg", description = "Take no frames of several slots.") boolean noSg,
      @Option(names = "--single-event-channel", description = "One channel for both rings.")
          boolean single,
      @Option(
              names = "--static-grants",
              description = "Have every buffer mapped for good, instead of a grant copy per slot.")
          boolean staticGrants) {
    NetfrontOptions options;
    VifSpec vif;
    try {
      options =
          NetfrontOptions.LINUX
              .withQueues(queues)
              .withGso(!noGso && !noCsum, !noGso && !noCsum)
              .withChecksum(!noCsum, !noCsum)
              .withScatterGather(!noSg)
              .withSplitEventChannels(!single)
              .withStaticGrants(staticGrants);
      vif = new VifSpec(network, mac.orElseGet(() -> VifSpec.named(name, 0, network).mac()), mtu);
    } catch (IllegalArgumentException e) {
      throw new UserError(2, String.valueOf(e.getMessage()));
    }
    return ServerCommands.guest(
        ground,
        name,
        vif,
        tap.orElse(("nb-" + name).substring(0, Math.min(15, name.length() + 3))),
        options);
  }
}
