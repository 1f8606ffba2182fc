package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/// QEMU's hub with taps and no machine. It learns nothing: every frame goes to every port.
record QemuHub() implements Driver {
  private static final String PROGRAM = "qemu-system-x86_64";

  @Override
  public String name() {
    return "qemu-hub";
  }

  @Override
  public List<String> programs() {
    return List.of(PROGRAM);
  }

  @Override
  public void start(Stage stage) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(PROGRAM, "-machine", "none", "-nodefaults", "-nographic", "-monitor", "none"));
    for (Host host : stage.hosts()) {
      int n = host.number();
      command.addAll(
          List.of(
              "-netdev",
              "tap,id=tap" + n + ",ifname=" + host.device() + ",script=no,downscript=no",
              "-netdev",
              "hubport,id=hub" + n + ",hubid=0,netdev=tap" + n));
    }
    stage.startSwitch("qemu", stage.switchNamespace().command(command.toArray(String[]::new)));
    Vde.handOver(stage);
  }
}
