package org.netback.daemon;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.netback.netif.NetBackend;
import org.netback.netif.QueueStatistics;
import org.netback.netif.VifStatistics;
import org.netback.xen.bus.DeviceId;

/// The counters of vifs' rings.
final class VifMeters {
  private final NetBackend vifs;
  private final MeterRegistry registry;

  private VifMeters(NetBackend vifs, MeterRegistry registry) {
    this.vifs = vifs;
    this.registry = registry;
  }

  static Metered<DeviceId> of(NetBackend vifs) {
    return new Metered<>(
        () -> vifs.statistics().stream().map(VifStatistics::id).toList(),
        (id, registry) -> new VifMeters(vifs, registry).vif(id));
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

  private static double sum(VifStatistics vif, ToDoubleFunction<QueueStatistics> value) {
    return vif.queues().stream().mapToDouble(value).sum();
  }

  private Meter ring(
      DeviceId id,
      String name,
      String description,
      Tags tags,
      ToDoubleFunction<VifStatistics> value) {
    return FunctionCounter.builder(
            "netback.vif." + name,
            vifs,
            v -> v.statistics(id).map(value::applyAsDouble).orElse(0.0))
        .description(description)
        .tags(tags)
        .register(registry);
  }
}
