package org.netback.daemon;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.MulticastStatistics;
import org.netback.vswitch.Network;
import org.netback.vswitch.NetworkStatistics;
import org.netback.vswitch.PortStatistics;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;

/// The counters of networks and ports.
final class SwitchMeters {
  private final MeterRegistry registry;

  private SwitchMeters(MeterRegistry registry) {
    this.registry = registry;
  }

  static List<Metered<?>> of(Switch vswitch) {
    return List.of(
        new Metered<Network>(
            vswitch::networks, (network, registry) -> new SwitchMeters(registry).network(network)),
        new Metered<SwitchPort>(
            vswitch::ports, (port, registry) -> new SwitchMeters(registry).port(port)));
  }

  private List<Meter> network(Network network) {
    Tags tags = Tags.of("network", network.name());
    List<Meter> made = new ArrayList<>();
    made.add(
        Gauge.builder("netback.network.macs", network, n -> n.statistics().addresses())
            .tags(tags)
            .description("Addresses in the MAC table")
            .register(registry));
    made.add(
        network(
            network,
            "unicast.frames",
            "Frames sent to the one port of their destination",
            tags,
            s -> s.unicastFrames()));
    made.add(
        network(
            network,
            "flooded.frames",
            "Frames sent to all other ports: broadcast, unknown destinations, flooded groups",
            tags,
            s -> s.floodedFrames()));
    made.add(
        network(
            network,
            "multicast.frames",
            "Frames sent to the members of their group, or to routers",
            tags,
            s -> s.multicastFrames()));
    made.add(
        Gauge.builder(
                "netback.network.multicast.groups", network, n -> n.multicastStatistics().groups())
            .tags(tags)
            .description("Groups that some port is in")
            .register(registry));
    made.add(
        Gauge.builder(
                "netback.network.multicast.memberships",
                network,
                n -> n.multicastStatistics().memberships())
            .tags(tags)
            .description("Ports in groups")
            .register(registry));
    made.add(multicast(network, "joined", "Memberships that began", tags, s -> s.joined()));
    made.add(
        multicast(
            network, "left", "Memberships that a host or its port ended", tags, s -> s.left()));
    made.add(
        multicast(
            network, "aged", "Memberships that were not repeated in time", tags, s -> s.aged()));
    made.add(
        multicast(
            network,
            "evicted",
            "Memberships that had to go for those of a port with fewer of them",
            tags,
            s -> s.evicted()));
    made.add(
        multicast(
            network,
            "refused",
            "Reports that began no membership, since the port or the network was full",
            tags,
            s -> s.refused()));
    made.add(
        multicast(
            network,
            "malformed",
            "IGMP and MLD messages that were dropped as malformed",
            tags,
            s -> s.malformed()));
    made.add(
        multicast(
            network,
            "queries",
            "Queries sent by the switch itself, each port counted",
            tags,
            s -> s.queries()));
    made.add(
        network(
            network,
            "discarded.frames",
            "Frames that the switch decided to send nowhere",
            tags,
            s -> s.discardedFrames()));
    made.add(network(network, "learned", "Addresses learned", tags, s -> s.learned()));
    made.add(
        network(
            network,
            "moved",
            "Addresses that moved from one port to another",
            tags,
            s -> s.moved()));
    made.add(
        network(network, "aged", "Addresses not seen for the ageing time", tags, s -> s.aged()));
    made.add(
        network(
            network,
            "evicted",
            "Addresses that had to go for those of a port with fewer of them",
            tags,
            s -> s.evicted()));
    made.add(
        network(
            network,
            "refused",
            "Frames whose source was not learned, since its port or the table was full",
            tags,
            s -> s.refused()));
    return made;
  }

  private Meter network(
      Network network,
      String name,
      String description,
      Tags tags,
      ToDoubleFunction<NetworkStatistics> value) {
    return counter(
        "netback.network." + name,
        description,
        tags,
        network,
        n -> value.applyAsDouble(n.statistics()));
  }

  private Meter multicast(
      Network network,
      String name,
      String description,
      Tags tags,
      ToDoubleFunction<MulticastStatistics> value) {
    return counter(
        "netback.network.multicast." + name,
        description,
        tags,
        network,
        n -> value.applyAsDouble(n.multicastStatistics()));
  }

  private <T> Meter counter(
      String name, String description, Tags tags, T of, ToDoubleFunction<T> value) {
    return FunctionCounter.builder(name, of, value)
        .description(description)
        .tags(tags)
        .register(registry);
  }

  private List<Meter> port(SwitchPort port) {
    Tags tags = Tags.of("port", port.name(), "network", port.network().name());
    List<Meter> made = new ArrayList<>();
    made.add(port(port, "ingress.frames", "Frames that came in", tags, s -> s.ingressFrames()));
    made.add(
        port(
            port,
            "ingress.octets",
            "Octets of the frames that came in",
            tags,
            s -> s.ingressOctets()));
    made.add(port(port, "egress.frames", "Frames delivered", tags, s -> s.egressFrames()));
    made.add(
        port(port, "egress.octets", "Octets of the frames delivered", tags, s -> s.egressOctets()));
    for (DropReason reason : DropReason.values()) {
      made.add(
          port(
              port,
              "dropped.frames",
              "Frames not delivered, by reason",
              tags.and("reason", reason.name()),
              s -> s.drops().getOrDefault(reason, 0L)));
    }
    return made;
  }

  private Meter port(
      SwitchPort port,
      String name,
      String description,
      Tags tags,
      ToDoubleFunction<PortStatistics> value) {
    return counter(
        "netback.port." + name, description, tags, port, p -> value.applyAsDouble(p.statistics()));
  }
}
