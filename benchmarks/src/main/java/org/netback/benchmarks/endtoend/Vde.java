package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.netback.daemon.Namespace;

/// Virtual Distributed Ethernet's switch, on taps of its own: the best that it can do.
record Vde() implements Driver {
  @Override
  public String name() {
    return "vde";
  }

  @Override
  public List<String> programs() {
    return List.of("vde_switch");
  }

  @Override
  public void start(Stage stage) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of("vde_switch", "-numports", "64", "-sock", stage.file("vde").toString()));
    for (Host host : stage.hosts()) {
      command.addAll(List.of("-tap", host.device()));
    }
    Namespace namespace = stage.switchNamespace();
    stage.startSwitch("vde_switch", namespace.command(command.toArray(String[]::new)));
    handOver(stage);
  }

  /// Moves each tap to its host, once the switch has made it in its own namespace; the switch's
  /// descriptor stays good.
  static void handOver(Stage stage) throws IOException {
    Namespace namespace = stage.switchNamespace();
    for (Host host : stage.hosts()) {
      stage.awaitDevice(namespace, host.device());
      namespace.ip("link", "set", host.device(), "netns", host.namespace().name());
    }
  }
}
