package org.netback.daemon.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.netback.daemon.config.RunDirectory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// The commands that ask a running daemon.
final class QueryCommands {
  private static final String CONTROL = "The daemon's control socket (default: ${DEFAULT-VALUE}).";
  private static final String JSON = "Print the answer as JSON.";

  private QueryCommands() {}

  private static Queries queries(CommandSpec spec, Path control, boolean json) {
    return new Queries(control, json, spec.commandLine().getOut());
  }

  @Command(name = "vif", description = "The vifs, one per guest's network device.")
  static final class Vif {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Command(name = "list", description = "One line per vif.")
    int list(
        @Option(
                names = "--control",
                paramLabel = "SOCKET",
                description = CONTROL,
                defaultValue = RunDirectory.DEFAULT_CONTROL)
            Path control,
        @Option(names = "--json", description = JSON) boolean json) {
      return queries(spec, control, json).show("/vifs", Layouts::vifs);
    }

    @Command(name = "show", description = "Everything about one vif.")
    int show(
        @Parameters(paramLabel = "ID", description = "Its name, as in \"vif list\": vif1.0")
            String id,
        @Option(
                names = "--control",
                paramLabel = "SOCKET",
                description = CONTROL,
                defaultValue = RunDirectory.DEFAULT_CONTROL)
            Path control,
        @Option(names = "--json", description = JSON) boolean json) {
      return queries(spec, control, json).show("/vifs/" + id, Layouts::fields);
    }

    @Command(
        name = "rate",
        description = {
          "Change what a vif may send and get; what is not given stays as it is.",
          "A RATE is written as for xl: 10Mb/s, 250KB/s, 1MB/s@20ms, or none: bits (b) or octets"
              + " (B), K, M or G for powers of 1000, and after @ the interval in s, ms or us, up to"
              + " 71 minutes, 50ms where none is given. A vif that was idle may send at once what"
              + " the rate comes to in an interval, but at least 128 KiB."
        })
    int rate(
        @Parameters(paramLabel = "ID", description = "Its name, as in \"vif list\": vif1.0")
            String id,
        @Option(
                names = "--from-guest",
                paramLabel = "RATE",
                description = "The most that the guest sends; more waits in the guest.")
            Optional<String> fromGuest,
        @Option(
                names = "--to-guest",
                paramLabel = "RATE",
                description =
                    "The most that the guest is sent; more waits for about 50 ms, then it is"
                        + " dropped.")
            Optional<String> toGuest,
        @Option(
                names = "--control",
                paramLabel = "SOCKET",
                description = CONTROL,
                defaultValue = RunDirectory.DEFAULT_CONTROL)
            Path control,
        @Option(names = "--json", description = JSON) boolean json) {
      if (fromGuest.isEmpty() && toGuest.isEmpty()) {
        throw new UserError(2, "give --from-guest RATE, --to-guest RATE, or both");
      }
      Map<String, String> rates = new LinkedHashMap<>();
      fromGuest.ifPresent(rate -> rates.put("fromGuest", rate));
      toGuest.ifPresent(rate -> rates.put("toGuest", rate));
      return queries(spec, control, json).change("/vifs/" + id + "/rate", rates, Layouts::fields);
    }
  }

  @Command(name = "mcast", description = "Multicast: which ports get which groups, and why.")
  static final class Mcast {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Command(name = "show", description = "One line per port and group; who asks for members.")
    int show(
        @Option(
                names = "--control",
                paramLabel = "SOCKET",
                description = CONTROL,
                defaultValue = RunDirectory.DEFAULT_CONTROL)
            Path control,
        @Option(names = "--json", description = JSON) boolean json) {
      return queries(spec, control, json).show("/mcast", Layouts::multicast);
    }
  }

  @Command(name = "fdb", description = "The forwarding database: who is behind which port.")
  static final class Fdb {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Command(name = "show", description = "One line per known station.")
    int show(
        @Option(
                names = "--control",
                paramLabel = "SOCKET",
                description = CONTROL,
                defaultValue = RunDirectory.DEFAULT_CONTROL)
            Path control,
        @Option(names = "--json", description = JSON) boolean json) {
      return queries(spec, control, json).show("/fdb", Layouts::fdb);
    }
  }

  @Command(name = "port", description = "The switch's ports: vifs and taps.")
  static final class PortCommand {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Command(name = "list", description = "One line per port.")
    int list(
        @Option(
                names = "--control",
                paramLabel = "SOCKET",
                description = CONTROL,
                defaultValue = RunDirectory.DEFAULT_CONTROL)
            Path control,
        @Option(names = "--json", description = JSON) boolean json) {
      return queries(spec, control, json).show("/ports", Layouts::ports);
    }
  }
}
