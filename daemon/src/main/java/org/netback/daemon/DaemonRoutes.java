package org.netback.daemon;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.netback.adapters.tap.TapPort;
import org.netback.client.Client;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.daemon.config.ConfigurationException;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.daemon.config.ConfigurationFile.RateRequest;
import org.netback.daemon.config.ConfigurationFile.StaticRequest;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.RequestException;
import org.netback.daemon.control.Routes;
import org.netback.loop.InternalErrors;
import org.netback.netif.NetBackend;
import org.netback.netif.VifStatistics;
import org.netback.packet.MacAddress;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.FdbRow;
import org.netback.vswitch.MulticastRow;
import org.netback.vswitch.Network;
import org.netback.vswitch.PortStatistics;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStatus;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// What the control API answers about the daemon, and does to it. On the control thread, which may
/// wait for the store.
final class DaemonRoutes {
  private final Configuration configuration;
  private final XenStore store;
  private final Switch vswitch;
  private final NetBackend vifs;
  private final BackendBus bus;
  private final Taps taps;
  private final StaticEntries staticEntries;
  private final CompletableFuture<Ending> stopping;
  private final Metrics metrics;
  private final long startNanos = System.nanoTime();

  DaemonRoutes(
      Configuration configuration,
      XenStore store,
      Switch vswitch,
      NetBackend vifs,
      BackendBus bus,
      Taps taps,
      StaticEntries staticEntries,
      InternalErrors errors,
      CompletableFuture<Ending> stopping) {
    this.configuration = configuration;
    this.store = store;
    this.vswitch = vswitch;
    this.vifs = vifs;
    this.bus = bus;
    this.taps = taps;
    this.staticEntries = staticEntries;
    this.stopping = stopping;
    this.metrics = new Metrics(vswitch, vifs, errors);
  }

  Routes routes() {
    return new Routes()
        .add("POST", "/stop", (path, body) -> stop(body))
        .add("GET", "/status", (path, body) -> Reply.ok(status()))
        .add("GET", "/vifs", (path, body) -> Reply.ok(vifs()))
        .add("GET", "/vifs/*", (path, body) -> Reply.ok(vif(path.get(0))))
        .add("PUT", "/vifs/*/rate", (path, body) -> changeRate(path.get(0), body))
        .add("GET", "/mcast", (path, body) -> Reply.ok(multicast()))
        .add("GET", "/fdb", (path, body) -> Reply.ok(fdb()))
        .add("POST", "/fdb", (path, body) -> addStatic(body))
        .add("DELETE", "/fdb/*/*", (path, body) -> forget(path.get(0), path.get(1)))
        .add("GET", "/ports", (path, body) -> Reply.ok(ports()))
        .add("POST", "/ports", (path, body) -> addTap(body))
        .add("DELETE", "/ports/*", (path, body) -> removeTap(path.get(0)))
        .add("GET", "/metrics", (path, body) -> Reply.text(metrics.scrape()));
  }

  private Map<String, Object> status() {
    List<DeviceStatus> devices = bus.devices(NetBackend.TYPE);
    Map<String, Object> status = new LinkedHashMap<>();
    status.put("version", Client.VERSION);
    status.put("pid", ProcessHandle.current().pid());
    status.put("uptimeSeconds", (System.nanoTime() - startNanos) / 1_000_000_000);
    status.put("ground", ground(configuration.ground()));
    status.put("control", configuration.controlSocket().toString());
    status.put("loops", configuration.loops());
    status.put("vifs", devices.size());
    status.put("connectedVifs", devices.stream().filter(DeviceStatus::attached).count());
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
    boolean keepGuests;
    try {
      keepGuests = ConfigurationFile.keepGuests("the request", body);
    } catch (ConfigurationException e) {
      throw new RequestException(400, String.valueOf(e.getMessage()));
    }
    if (keepGuests && !configuration.ground().outlivesDaemon()) {
      throw new RequestException(
          409,
          "guests end with this daemon, whose own the ground is: they can be kept only on a ground"
              + " of kind dom0, or one that is apart");
    }
    stopping.complete(keepGuests ? Ending.KEEP_GUESTS : Ending.CLOSE_DEVICES);
    return Reply.json(202, Map.of("pid", ProcessHandle.current().pid()));
  }

  private List<Map<String, Object>> vifs() {
    List<Map<String, Object>> list = new ArrayList<>();
    Set<DeviceId> served = new HashSet<>();
    for (VifStatistics vif : vifs.statistics()) {
      list.add(summary(vif));
      served.add(vif.id());
    }
    bus.devices(NetBackend.TYPE).stream()
        .filter(device -> !served.contains(device.id()))
        .sorted(
            Comparator.comparingInt((DeviceStatus device) -> device.id().domid())
                .thenComparingInt(device -> device.id().handle()))
        .forEach(device -> list.add(refused(device)));
    return list;
  }

  /// A vif that is there and not served, with the fields of one that is.
  private Map<String, Object> refused(DeviceStatus device) {
    Map<String, Object> view = new LinkedHashMap<>();
    identify(view, device.id(), Optional.of(device));
    view.put("network", key(bus.directory(device.id()) + "/bridge"));
    view.put("mac", key(bus.directory(device.id()) + "/mac"));
    view.put("connected", false);
    view.put("carrier", false);
    view.put("queues", 0);
    for (String count : List.of("ingressFrames", "ingressOctets", "egressFrames", "egressOctets")) {
      view.put(count, 0);
    }
    view.put("drops", Map.of());
    view.put("lastError", device.lastError());
    return view;
  }

  private void identify(Map<String, Object> view, DeviceId id, Optional<DeviceStatus> device) {
    view.put("id", id.toString());
    view.put("domid", id.domid());
    view.put("handle", id.handle());
    view.put("guest", key("/local/domain/" + id.domid() + "/name"));
    view.put("state", device.map(status -> status.backend().name()).orElse("UNKNOWN"));
    view.put("frontendState", device.map(status -> status.frontend().name()).orElse("UNKNOWN"));
  }

  private Map<String, Object> summary(VifStatistics vif) {
    Map<String, Object> view = new LinkedHashMap<>();
    Optional<DeviceStatus> device =
        bus.devices().stream().filter(status -> status.id().equals(vif.id())).findAny();
    identify(view, vif.id(), device);
    view.put("name", vif.settings().name());
    view.put("network", vif.network());
    view.put("mac", vif.settings().mac());
    view.put("connected", vif.connected());
    view.put("carrier", vif.carrier());
    view.put("multicastControl", vif.multicastControl());
    view.put("rateFromGuest", vif.fromGuest().toString());
    view.put("rateToGuest", vif.toGuest().toString());
    view.put("queues", vif.queues().size());
    view.put("ingressFrames", vif.ingressFrames());
    view.put("ingressOctets", vif.ingressOctets());
    view.put("egressFrames", vif.egressFrames());
    view.put("egressOctets", vif.egressOctets());
    view.put("drops", vif.drops());
    view.put("lastError", device.map(DeviceStatus::lastError).orElse(""));
    return view;
  }

  private Map<String, Object> vif(String id) throws RequestException {
    for (VifStatistics vif : vifs.statistics()) {
      if (vif.id().toString().equals(id) || vif.settings().name().equals(id)) {
        Map<String, Object> view = summary(vif);
        view.put("mtu", vif.settings().mtu());
        view.put("ip", vif.settings().ip());
        OffloadSet accepts = vif.accepts();
        view.put("acceptsChecksumIpv4", accepts.checksumIpv4());
        view.put("acceptsChecksumIpv6", accepts.checksumIpv6());
        view.put("acceptsTcpv4Segmentation", accepts.tcpv4Segmentation());
        view.put("acceptsTcpv6Segmentation", accepts.tcpv6Segmentation());
        view.put("maxLength", accepts.maxLength());
        view.put("hashing", vif.hashing());
        view.put("tx", vif.queues().stream().map(queue -> queue.tx()).toList());
        view.put("rx", vif.queues().stream().map(queue -> queue.rx()).toList());
        return view;
      }
    }
    for (DeviceStatus device : bus.devices(NetBackend.TYPE)) {
      if (device.id().toString().equals(id)) {
        return refused(device);
      }
    }
    throw noVif(id);
  }

  private RequestException noVif(String id) {
    return new RequestException(
        404,
        "there is no vif "
            + id
            + "; there are "
            + names(
                bus.devices(NetBackend.TYPE).stream()
                    .map(device -> device.id().toString())
                    .sorted()
                    .toList()));
  }

  /// Writes the nodes that the vif watches, where the toolstack would write them, so that a daemon
  /// that comes after this one finds them.
  private Reply changeRate(String id, String body) throws RequestException {
    RateRequest request;
    try {
      request = ConfigurationFile.rates("request", body);
    } catch (ConfigurationException e) {
      throw new RequestException(400, String.valueOf(e.getMessage()));
    }
    for (VifStatistics vif : vifs.statistics()) {
      if (vif.id().toString().equals(id) || vif.settings().name().equals(id)) {
        if (!writeRates(vif.id(), request)) {
          throw noVif(id);
        }
        Map<String, Object> rates = new LinkedHashMap<>();
        rates.put("id", vif.id().toString());
        rates.put("rateFromGuest", request.fromGuest().orElse(vif.fromGuest()).toString());
        rates.put("rateToGuest", request.toGuest().orElse(vif.toGuest()).toString());
        return Reply.ok(rates);
      }
    }
    for (DeviceStatus device : bus.devices(NetBackend.TYPE)) {
      if (device.id().toString().equals(id)) {
        throw new RequestException(409, id + " is not served: " + device.lastError());
      }
    }
    throw noVif(id);
  }

  /// Writes both rates or none.
  ///
  /// @return false if the device's directory has gone
  private boolean writeRates(DeviceId id, RateRequest request) throws RequestException {
    try {
      return vifs.writeRates(id, request.fromGuest(), request.toGuest());
    } catch (StoreException e) {
      throw new RequestException(503, "xenstore: " + e.getMessage());
    }
  }

  private Map<String, Object> multicast() {
    List<Map<String, Object>> networks = new ArrayList<>();
    List<Map<String, Object>> groups = new ArrayList<>();
    for (Network network : vswitch.networks()) {
      List<String> queriers = network.queriers();
      Map<String, Object> view = new LinkedHashMap<>();
      view.put("network", network.name());
      view.put("querierIpv4", queriers.get(0));
      view.put("querierIpv6", queriers.get(1));
      view.put("statistics", network.multicastStatistics());
      networks.add(view);
      for (MulticastRow row : network.groups()) {
        Map<String, Object> group = new LinkedHashMap<>();
        group.put("network", network.name());
        group.put("group", row.group());
        group.put("port", row.port());
        group.put("origin", row.origin());
        group.put("expiresSeconds", row.expiresSeconds());
        groups.add(group);
      }
    }
    Map<String, Object> table = new LinkedHashMap<>();
    table.put("networks", networks);
    table.put("groups", groups);
    return table;
  }

  private String key(String path) {
    try {
      return store.read(path).orElse("");
    } catch (StoreException e) {
      return ""; // shown as unknown; the store's loss is reported elsewhere
    }
  }

  private List<Map<String, Object>> fdb() {
    List<Map<String, Object>> list = new ArrayList<>();
    for (Network network : vswitch.networks()) {
      for (FdbRow row : network.addresses()) {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("network", network.name());
        view.put("mac", row.address().toString());
        view.put("port", row.port());
        view.put("ageSeconds", row.ageSeconds());
        view.put("static", row.isStatic());
        list.add(view);
      }
    }
    return list;
  }

  private List<Map<String, Object>> ports() {
    List<Map<String, Object>> list = new ArrayList<>();
    Map<String, TapPort> tapPorts = new LinkedHashMap<>();
    taps.ports().forEach(tap -> tapPorts.put(tap.name(), tap));
    for (SwitchPort port : vswitch.ports()) {
      list.add(port(port.statistics(), Optional.ofNullable(tapPorts.get(port.name()))));
    }
    return list;
  }

  private Map<String, Object> port(PortStatistics port, Optional<TapPort> tap) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("name", port.port());
    view.put("network", port.network());
    view.put("kind", tap.isPresent() ? "tap" : "vif");
    view.put("ingressFrames", port.ingressFrames());
    view.put("ingressOctets", port.ingressOctets());
    view.put("egressFrames", port.egressFrames());
    view.put("egressOctets", port.egressOctets());
    view.put("addresses", port.addresses());
    view.put("learnRefusals", port.learnRefusals());
    view.put("moves", port.moves());
    view.put("drops", port.drops());
    tap.ifPresent(
        t -> {
          view.put("namespace", taps.find(t.name()).map(TapChoice::namespace).orElse(""));
          view.put("queues", t.tap().queues().size());
          view.put("readGso", t.tapCounters().readGso());
          view.put("writtenGso", t.tapCounters().writtenGso());
        });
    return view;
  }

  private Reply addTap(String body) throws RequestException {
    List<String> networks = vswitch.networks().stream().map(Network::name).toList();
    try {
      TapChoice tap = ConfigurationFile.tap("request", body, networks);
      taps.add(tap);
      return Reply.json(201, Map.of("name", tap.name()));
    } catch (ConfigurationException e) {
      throw new RequestException(400, String.valueOf(e.getMessage()));
    } catch (IllegalStateException e) {
      throw new RequestException(409, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new RequestException(422, String.valueOf(e.getMessage()));
    }
  }

  private Reply removeTap(String name) throws RequestException {
    if (taps.remove(name)) {
      return Reply.ok(Map.of("removed", name));
    }
    if (vswitch.ports().stream().anyMatch(port -> port.name().equals(name))) {
      throw new RequestException(
          409, name + " is a guest's device: it goes when the guest's toolstack removes it");
    }
    throw new RequestException(
        404,
        "there is no port "
            + name
            + "; there are "
            + names(vswitch.ports().stream().map(SwitchPort::name).toList()));
  }

  private Reply addStatic(String body) throws RequestException {
    StaticRequest request;
    try {
      request = ConfigurationFile.staticEntry("request", body);
    } catch (ConfigurationException e) {
      throw new RequestException(400, String.valueOf(e.getMessage()));
    }
    staticEntries.add(network(request.network()), request.entry());
    Map<String, Object> entered = new LinkedHashMap<>();
    entered.put("mac", request.entry().mac().toString());
    entered.put("port", request.entry().port());
    return Reply.json(201, entered);
  }

  private Reply forget(String networkName, String mac) throws RequestException {
    Network network = network(networkName);
    MacAddress address;
    try {
      address = MacAddress.parse(mac);
    } catch (IllegalArgumentException e) {
      throw new RequestException(400, String.valueOf(e.getMessage()));
    }
    if (!staticEntries.remove(network, address)) {
      throw new RequestException(404, networkName + " knows no " + address);
    }
    return Reply.ok(Map.of("removed", address.toString()));
  }

  private Network network(String name) throws RequestException {
    return vswitch
        .find(name)
        .orElseThrow(
            () ->
                new RequestException(
                    404,
                    "there is no network "
                        + name
                        + "; there are "
                        + names(vswitch.networks().stream().map(Network::name).toList())));
  }

  private static String names(List<String> names) {
    return names.isEmpty() ? "none" : String.join(", ", names);
  }
}
