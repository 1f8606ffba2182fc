package org.netback.benchmarks.endtoend;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.netback.daemon.Namespace;
import org.netback.daemon.Program;

/// The kernel's bridge on veth pairs, with snooping and a querier. Its work is done by whoever
/// sends, so the switch's own share shows as 0.
record LinuxBridge() implements Driver {
  static final String NAME = "bridge";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void start(Stage stage) throws IOException {
    Namespace namespace = stage.switchNamespace();
    // Where the filter's module is loaded, frames would pay for rules that are not there.
    for (String family : List.of("iptables", "ip6tables", "arptables")) {
      var _ =
          Program.run(
              Duration.ofSeconds(5),
              namespace.command(
                  "sysctl", "-q", "-w", "net.bridge.bridge-nf-call-" + family + "=0"));
    }
    namespace.ip("link", "add", "br0", "type", "bridge");
    // It floods for one response interval after its querier is switched on: 0.3 s instead of 10.
    namespace.ip("link", "set", "br0", "type", "bridge", "mcast_query_response_interval", "30");
    // Its usual version 2 has a host keep quiet that hears another's report, and the bridge hands
    // reports on to members: most of them are then not known.
    namespace.ip("link", "set", "br0", "type", "bridge", "mcast_igmp_version", "3");
    namespace.ip("link", "set", "br0", "type", "bridge", "mcast_querier", "1");
    namespace.ip("link", "set", "br0", "up");
    for (Host host : stage.hosts()) {
      veth(host, namespace);
      namespace.ip("link", "set", host.device(), "master", "br0");
    }
  }

  /// A pair with one end on the host and the other, of the same name and up, with the switch.
  static void veth(Host host, Namespace namespace) throws IOException {
    host.namespace()
        .ip(
            "link",
            "add",
            host.device(),
            "type",
            "veth",
            "peer",
            "name",
            host.device(),
            "netns",
            namespace.name());
    namespace.ip("link", "set", host.device(), "up");
  }
}
