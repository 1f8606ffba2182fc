package org.netback.daemon.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.netback.client.Client;
import org.netback.client.ControlOptions;
import org.netback.client.Invocation;
import org.netback.client.ServerVerb;
import org.netback.client.UserError;
import org.netback.daemon.demo.BulkTransfer;
import org.netback.xen.embedded.toolstack.VifSpec;
import org.netback.xen.frontends.NetfrontOptions;

/// The command `netback`, all of it. The launcher takes [Client] by itself for what that can do,
/// which starts in a fraction of the time.
public final class Main {
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
    return Client.guarded(
        err,
        () -> {
          int code = run(Invocation.parse(List.of(arguments)), out, err);
          out.flush();
          return code;
        });
  }

  private static int run(Invocation invocation, PrintWriter out, PrintWriter err)
      throws IOException {
    if (!(invocation.verb() instanceof ServerVerb verb)) {
      return Client.run(invocation, out);
    }
    return switch (verb) {
      case RUN -> ServerCommands.run(invocation.path("--config"));
      case GROUND -> ServerCommands.ground(invocation.path("--run"));
      case GUEST -> guest(invocation);
      case CONSOLE_ATTACH -> ConsoleAttach.run(invocation, ControlOptions.of(invocation).client());
      case DEMO ->
          DemoCommand.run(
              invocation.number("--seconds", 1, 3600), invocation.has("--json"), out, err);
      case REHEARSE -> DemoCommand.rehearse(out);
      case SOCKET_TRANSFER -> transfer(invocation.arguments(), out);
    };
  }

  /// @param arguments none to receive; else an address to send to, and for how many seconds
  private static int transfer(List<String> arguments, PrintWriter out) throws IOException {
    if (arguments.isEmpty()) {
      BulkTransfer.receive();
    } else {
      int seconds = arguments.size() > 1 ? Integer.parseInt(arguments.get(1)) : 1;
      out.println(BulkTransfer.send(arguments.get(0), seconds));
    }
    return 0;
  }

  private static int guest(Invocation invocation) {
    String name = invocation.text("--name");
    String network = invocation.text("--network");
    boolean checksum = !invocation.has("--no-csum");
    boolean gso = checksum && !invocation.has("--no-gso");
    NetfrontOptions options;
    VifSpec vif;
    try {
      options =
          NetfrontOptions.LINUX
              .withQueues(invocation.number("--queues", 1, 256))
              .withGso(gso, gso)
              .withChecksum(checksum, checksum)
              .withScatterGather(!invocation.has("--no-sg"))
              .withSplitEventChannels(!invocation.has("--single-event-channel"))
              .withStaticGrants(invocation.has("--static-grants"));
      vif =
          new VifSpec(
              network,
              invocation.value("--mac").orElseGet(() -> VifSpec.named(name, 0, network).mac()),
              invocation.number("--mtu", 68, 65_517));
    } catch (IllegalArgumentException e) {
      throw new UserError(UserError.USAGE, String.valueOf(e.getMessage()));
    }
    return ServerCommands.guest(
        invocation.path("--ground"),
        name,
        vif,
        invocation
            .value("--tap")
            .orElse(("nb-" + name).substring(0, Math.min(15, name.length() + 3))),
        options,
        invocation
            .value("--console-command")
            .or(() -> invocation.has("--console") ? Optional.of("/bin/sh") : Optional.empty()),
        invocation.seconds("--timeout"));
  }
}
