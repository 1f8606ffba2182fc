package org.netback.daemon;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.netback.client.Version;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.daemon.config.StopRequest;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.RequestException;
import org.netback.daemon.control.Routes;
import org.netback.vswitch.Network;
import org.netback.vswitch.Switch;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.store.XenStore;

/// What the control API answers about the daemon as a whole, and does to it. Any thread but a
/// loop's, since it may wait for the store.
final class DaemonRoutes {
  private static final String VERSION = Version.current();

  private final Configuration configuration;
  private final Map<DeviceService, Devices> services = new LinkedHashMap<>();
  private final Switch vswitch;
  private final Taps taps;
  private final Metrics metrics;
  private final Events events;
  private final CompletableFuture<Ending> stopping;
  private final long startNanos = System.nanoTime();

  DaemonRoutes(
      Configuration configuration,
      List<DeviceService> services,
      BackendBus bus,
      XenStore store,
      Switch vswitch,
      Taps taps,
      Metrics metrics,
      Events events,
      CompletableFuture<Ending> stopping) {
    this.configuration = configuration;
    services.forEach(
        service ->
            this.services.put(service, new Devices(service.deviceClass().type(), bus, store)));
    this.vswitch = vswitch;
    this.taps = taps;
    this.metrics = metrics;
    this.events = events;
    this.stopping = stopping;
  }

  void addTo(Routes routes) {
    routes
        .add("POST", "/stop", (path, body) -> stop(body))
        .add("GET", "/status", (path, body) -> Reply.ok(status()))
        .add("GET", "/metrics", (path, body) -> Reply.text(metrics.scrape()))
        .add("GET", "/events", (path, body) -> Reply.events(events.listener()));
    services.forEach((service, devices) -> service.addRoutes(routes, devices));
  }

  private Map<String, Object> status() {
    Map<String, Object> status = new LinkedHashMap<>();
    status.put("version", VERSION);
    status.put("pid", ProcessHandle.current().pid());
    status.put("uptimeSeconds", (System.nanoTime() - startNanos) / 1_000_000_000);
    status.put("ground", ground(configuration.ground()));
    status.put("control", configuration.controlSocket().toString());
    status.put("loops", configuration.loops());
    services.forEach((service, devices) -> status.putAll(service.status(devices)));
    status.put("taps", taps.size());
    status.put("networks", vswitch.networks().stream().map(Network::statistics).toList());
    return status;
  }

  private static Map<String, Object> ground(GroundChoice choice) {
    return switch (choice) {
      case EmbeddedChoice embedded -> {
        Map<String, Object> ground = new LinkedHashMap<>();
        ground.put("kind", "embedded");
        ground.put("run", embedded.run().toString());
        ground.put("apart", embedded.apart());
        yield ground;
      }
      case Dom0Choice _ -> Map.of("kind", "dom0");
    };
  }

  /// Has the daemon end as soon as this has been answered.
  private Reply stop(String body) throws RequestException {
    boolean keepGuests = RequestBody.read(() -> StopRequest.read("the request", body)).keepGuests();
    if (keepGuests && !configuration.ground().outlivesDaemon()) {
      throw new RequestException(
          409,
          "guests end with this daemon, whose own the ground is: they can be kept only on a ground"
              + " of kind dom0, or one that is apart");
    }
    stopping.complete(keepGuests ? Ending.KEEP_GUESTS : Ending.CLOSE_DEVICES);
    return Reply.json(202, Map.of("pid", ProcessHandle.current().pid()));
  }
}
