package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// `tapswitch.c`: what every switch in user space has to pay that owns taps.
record TapSwitch() implements Driver {
  static final String NAME = "ctap";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void start(Stage stage) throws IOException {
    List<String> command = new ArrayList<>(List.of(stage.tool("tapswitch")));
    for (Host host : stage.hosts()) {
      command.add(host.namespace().name() + ":" + host.device());
    }
    stage.startSwitch("tapswitch", command);
  }
}
