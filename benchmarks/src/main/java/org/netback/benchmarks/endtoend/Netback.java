package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// This daemon, as a user starts it, with a configuration that leaves everything at its default.
///
/// @param program `bin/netback` of a copy of what was built, so that nothing is built while it is
///   measured
record Netback(Path program, Shape shape) implements Driver {
  /// What is between the switch and the hosts.
  enum Shape {
    /// Each host's interface is a tap of the switch's.
    TAP,
    /// Each host's interface is a tap of a `netback guest`, on netif rings of the switch's.
    GUEST
  }

  private static final String NETWORK = "bench";

  @Override
  public String name() {
    return switch (shape) {
      case TAP -> "netback-tap";
      case GUEST -> "netback-guest";
    };
  }

  @Override
  public int warmUpSeconds() {
    return 3;
  }

  @Override
  public void start(Stage stage) throws IOException {
    Path ground = stage.file("ground");
    StringBuilder configuration = new StringBuilder();
    configuration.append("ground: {run: ").append(ground).append("}\n");
    configuration.append("control: ").append(stage.file("control.sock")).append('\n');
    configuration.append("networks: [{name: ").append(NETWORK).append("}]\n");
    if (shape == Shape.TAP) {
      configuration.append("taps:\n");
      for (Host host : stage.hosts()) {
        configuration
            .append("  - {name: ")
            .append(host.device())
            .append(", network: ")
            .append(NETWORK)
            .append(", namespace: ")
            .append(host.namespace().name())
            .append("}\n");
      }
    }
    Path file = stage.file("netback.yaml");
    Files.writeString(file, configuration);
    Process daemon =
        stage.startSwitch(
            "netback",
            stage
                .switchNamespace()
                .command(program.toString(), "run", "--config", file.toString()));
    stage.await(
        "the daemon's control socket",
        () -> Files.exists(stage.file("control.sock")) || !daemon.isAlive());
    if (shape == Shape.GUEST) {
      for (Host host : stage.hosts()) {
        stage.startGuest(
            host,
            program.toString(),
            "guest",
            "--ground",
            ground.resolve("ground.sock").toString(),
            "--name",
            "guest" + host.number(),
            "--network",
            NETWORK,
            "--tap",
            host.device());
      }
    }
  }
}
