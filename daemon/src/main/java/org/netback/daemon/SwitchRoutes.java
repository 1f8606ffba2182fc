package org.netback.daemon;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.netback.adapters.tap.TapPort;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.daemon.config.StaticSection;
import org.netback.daemon.config.StaticSection.StaticRequest;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.RequestException;
import org.netback.daemon.control.Routes;
import org.netback.packet.MacAddress;
import org.netback.vswitch.FdbRow;
import org.netback.vswitch.MulticastRow;
import org.netback.vswitch.Network;
import org.netback.vswitch.PortStatistics;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;

/// What the control API answers about the switch, and does to its tables. Any thread.
final class SwitchRoutes {
  private final Switch vswitch;
  private final Taps taps;
  private final StaticEntries staticEntries;

  /// @param taps of which the list of ports says more than the switch knows
  SwitchRoutes(Switch vswitch, Taps taps, StaticEntries staticEntries) {
    this.vswitch = vswitch;
    this.taps = taps;
    this.staticEntries = staticEntries;
  }

  void addTo(Routes routes) {
    routes
        .add("GET", "/mcast", (path, body) -> Reply.ok(multicast()))
        .add("GET", "/fdb", (path, body) -> Reply.ok(fdb()))
        .add("POST", "/fdb", (path, body) -> addStatic(body))
        .add("DELETE", "/fdb/*/*", (path, body) -> forget(path.get(0), path.get(1)))
        .add("GET", "/ports", (path, body) -> Reply.ok(ports()));
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

  private Reply addStatic(String body) throws RequestException {
    StaticRequest request = RequestBody.read(() -> StaticSection.request("request", body));
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
                        + RequestBody.names(
                            vswitch.networks().stream().map(Network::name).toList())));
  }
}
