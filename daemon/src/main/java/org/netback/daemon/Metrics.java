package org.netback.daemon;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.netback.loop.InternalErrors;
import org.netback.netif.NetBackend;
import org.netback.netif.VifStatistics;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.MulticastStatistics;
import org.netback.vswitch.Network;
import org.netback.vswitch.NetworkStatistics;
import org.netback.vswitch.PortStatistics;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.DeviceId;

/// The counters of ports, networks, rings and internal errors for Prometheus. Meters read the
/// counters when they are scraped, so that counting costs the data path nothing more; those of a
/// port that has left are taken away at the next scrape.
final class Metrics {
  private final Switch vswitch;
  private final NetBackend vifs;
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Map<Object, List<Meter>> meters = new HashMap<>();

  Metrics(Switch vswitch, NetBackend vifs, InternalErrors errors) {
    this.vswitch = vswitch;
    this.vifs = vifs;
    FunctionCounter.builder("netback.internal.errors", errors, InternalErrors::count)
        .description("Exceptions that nobody expected: bugs, each told in the log")
        .register(registry);
  }

  /// The text format.
  synchronized String scrape() {
    Map<Object, List<Meter>> before = new HashMap<>(meters);
    for (Network network : vswitch.networks()) {
      before.remove(network);
      meters.computeIfAbsent(network, _ -> network(network));
    }
    for (SwitchPort port : vswitch.ports()) {
      before.remove(port);
    }
    for (VifStatistics vif : vifs.statistics()) {
      before.remove(vif.id());
    }
    // First away, then new: a vif that reconnected has the same tags.
    before.forEach(
        (gone, old) -> {
          meters.remove(gone);
          old.forEach(registry::remove);
        });
    for (SwitchPort port : vswitch.ports()) {
      meters.computeIfAbsent(port, _ -> port(port));
    }
    for (VifStatistics vif : vifs.statistics()) {
      meters.computeIfAbsent(vif.id(), _ -> vif(vif.id()));
    }
    return registry.scrape();
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

  private List<Meter> vif(DeviceId id) {
    Tags tags = Tags.of("vif", id.toString());
    List<Meter> made = new ArrayList<>();
    made.add(
        Gauge.builder(
                "netback.vif.connected",
                vifs,
                v -> v.statistics(id).map(s -> s.connected() ? 1.0 : 0.0).orElse(0.0))
            .description("1 while the guest's rings are served, else 0")
            .tags(tags)
            .register(registry));
    made.add(
        ring(
            id,
            "tx.events",
            "Notifications from the guest that it sends",
            tags,
            s -> sum(s, q -> q.tx().events())));
    made.add(
        ring(
            id,
            "tx.spurious.events",
            "Notifications from the guest with nothing new in the ring",
            tags,
            s -> sum(s, q -> q.tx().spuriousEvents())));
    made.add(
        ring(
            id,
            "tx.notifications",
            "Notifications to the guest that its slots are answered",
            tags,
            s -> sum(s, q -> q.tx().notifications())));
    made.add(
        ring(
            id,
            "tx.notifications.saved",
            "Slots answered without a notification of their own",
            tags,
            s -> sum(s, q -> q.tx().notificationsSaved())));
    made.add(
        ring(
            id,
            "tx.throttled",
            "Waits of a queue because the vif was over its rate",
            tags,
            s -> sum(s, q -> q.tx().throttled())));
    made.add(
        ring(
            id,
            "tx.mapped.copies",
            "Slots copied from pages that are mapped for good",
            tags,
            s -> sum(s, q -> q.tx().mappedCopies())));
    made.add(
        ring(
            id,
            "rx.mapped.copies",
            "Slots copied into pages that are mapped for good",
            tags,
            s -> sum(s, q -> q.rx().mappedCopies())));
    made.add(
        ring(
            id,
            "rx.events",
            "Notifications from the guest that it has given buffers",
            tags,
            s -> sum(s, q -> q.rx().events())));
    made.add(
        ring(
            id,
            "rx.notifications",
            "Notifications to the guest that frames are there",
            tags,
            s -> sum(s, q -> q.rx().notifications())));
    made.add(
        ring(
            id,
            "rx.notifications.saved",
            "Slots answered without a notification of their own",
            tags,
            s -> sum(s, q -> q.rx().notificationsSaved())));
    made.add(
        ring(
            id,
            "rx.stalls",
            "Times that the guest was found not to take frames",
            tags,
            s -> sum(s, q -> q.rx().stalls())));
    return made;
  }

  private static double sum(
      VifStatistics vif, ToDoubleFunction<org.netback.netif.QueueStatistics> value) {
    return vif.queues().stream().mapToDouble(value).sum();
  }

  private Meter ring(
      DeviceId id,
      String name,
      String description,
      Tags tags,
      ToDoubleFunction<VifStatistics> value) {
    return counter(
        "netback.vif." + name,
        description,
        tags,
        vifs,
        v -> v.statistics(id).map(value::applyAsDouble).orElse(0.0));
  }
}
