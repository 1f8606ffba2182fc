package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.netback.daemon.Namespace;

/// Open vSwitch with its datapath in user space and its one rule NORMAL, a learning switch; with a
/// run directory and a database of its own.
record OpenVSwitch(Ports ports) implements Driver {
  /// How frames get to it.
  enum Ports {
    /// Taps of its own.
    TAP,
    /// Packet sockets on veth pairs, with `userspace-tso-enable`.
    TSO
  }

  /// Where Debian's package has it; it is in nobody's path.
  private static final String DAEMON = "/usr/lib/openvswitch-switch/ovs-vswitchd";

  private static final String SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

  @Override
  public String name() {
    return switch (ports) {
      case TAP -> "ovs-tap";
      case TSO -> "ovs-tso";
    };
  }

  @Override
  public List<String> programs() {
    return List.of("ovsdb-tool", "ovsdb-server", "ovs-vsctl", DAEMON);
  }

  @Override
  public void start(Stage stage) throws IOException {
    Path database = stage.file("ovs.db");
    Path socket = stage.file("ovs.sock");
    Namespace namespace = stage.switchNamespace();
    stage.runSwitch(List.of("ovsdb-tool", "create", database.toString(), SCHEMA));
    Process server =
        stage.startSwitch(
            "ovsdb-server",
            List.of(
                "ovsdb-server",
                database.toString(),
                "--remote=punix:" + socket,
                "--unixctl=" + stage.file("ovsdb.ctl")));
    stage.await("ovsdb-server", () -> Files.exists(socket) || !server.isAlive());
    configure(stage, "--no-wait", "init");
    if (ports == Ports.TSO) {
      configure(
          stage, "--no-wait", "set", "Open_vSwitch", ".", "other_config:userspace-tso-enable=true");
    }
    stage.startSwitch(
        "ovs-vswitchd",
        namespace.command(
            "env",
            "OVS_RUNDIR=" + stage.file(""),
            DAEMON,
            "unix:" + socket,
            "--unixctl=" + stage.file("vswitchd.ctl")));
    configure(
        stage,
        "add-br",
        "br0",
        "--",
        "set",
        "bridge",
        "br0",
        "datapath_type=netdev",
        "mcast_snooping_enable=true",
        "other_config:mcast-snooping-disable-flood-unregistered=true");
    for (Host host : stage.hosts()) {
      String device = host.device();
      switch (ports) {
        case TAP -> {
          configure(stage, "add-port", "br0", device, "--", "set", "interface", device, "type=tap");
          stage.awaitDevice(namespace, device);
          namespace.ip("link", "set", device, "netns", host.namespace().name());
        }
        case TSO -> {
          LinuxBridge.veth(host, namespace);
          configure(stage, "add-port", "br0", device);
        }
      }
    }
  }

  private static void configure(Stage stage, String... words) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of("ovs-vsctl", "--db=unix:" + stage.file("ovs.sock"), "--timeout=10"));
    command.addAll(List.of(words));
    stage.runSwitch(command);
  }
}
