package org.netback.daemon;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.netback.capture.PortFacts;
import org.netback.daemon.config.VifSection;
import org.netback.daemon.config.VifSection.RateRequest;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.RequestException;
import org.netback.daemon.control.Routes;
import org.netback.netif.NetBackend;
import org.netback.netif.VifStatistics;
import org.netback.packet.MacAddress;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStatus;
import org.netback.xen.store.StoreException;

/// The guests' network devices.
final class VifService implements DeviceService {
  private final NetBackend vifs;

  VifService(NetBackend vifs) {
    this.vifs = vifs;
  }

  @Override
  public DeviceClass deviceClass() {
    return vifs.deviceClass();
  }

  @Override
  public boolean serves(DeviceId id) {
    return vifs.statistics(id).isPresent();
  }

  @Override
  public void addRoutes(Routes routes, Devices devices) {
    routes
        .add("GET", "/vifs", (path, body) -> Reply.ok(list(devices)))
        .add("GET", "/vifs/*", (path, body) -> Reply.ok(show(devices, path.get(0))))
        .add("PUT", "/vifs/*/rate", (path, body) -> changeRate(devices, path.get(0), body));
  }

  @Override
  public Optional<PortFacts> facts(SwitchPort port) {
    for (VifStatistics vif : vifs.statistics()) {
      if (vif.settings().name().equals(port.name())) {
        String description = "domain " + vif.id().domid() + ", network " + vif.network();
        return Optional.of(new PortFacts(description, mac(vif), 0));
      }
    }
    return Optional.empty();
  }

  private static Optional<MacAddress> mac(VifStatistics vif) {
    try {
      return Optional.of(MacAddress.parse(vif.settings().mac()));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // the toolstack's word, and it is none
    }
  }

  @Override
  public List<Metered<?>> meters() {
    return List.of(VifMeters.of(vifs));
  }

  @Override
  public Map<String, Object> status(Devices devices) {
    return devices.counts("vifs");
  }

  private List<Map<String, Object>> list(Devices devices) {
    List<Map<String, Object>> list = new ArrayList<>();
    Set<DeviceId> served = new HashSet<>();
    for (VifStatistics vif : vifs.statistics()) {
      list.add(summary(devices, vif));
      served.add(vif.id());
    }
    devices.list().stream()
        .filter(device -> !served.contains(device.id()))
        .forEach(device -> list.add(refused(devices, device)));
    return list;
  }

  /// A vif that is there and not served, with the fields of one that is.
  private static Map<String, Object> refused(Devices devices, DeviceStatus device) {
    Map<String, Object> view = devices.view(device.id(), Optional.of(device));
    view.put("network", devices.key(device.id(), "bridge"));
    view.put("mac", devices.key(device.id(), "mac"));
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

  private static Map<String, Object> summary(Devices devices, VifStatistics vif) {
    Optional<DeviceStatus> device = devices.find(vif.id());
    Map<String, Object> view = devices.view(vif.id(), device);
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

  private Map<String, Object> show(Devices devices, String id) throws RequestException {
    for (VifStatistics vif : vifs.statistics()) {
      if (isCalled(vif, id)) {
        Map<String, Object> view = summary(devices, vif);
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
    return refused(devices, devices.find(id).orElseThrow(() -> noVif(devices, id)));
  }

  private static boolean isCalled(VifStatistics vif, String id) {
    return vif.id().toString().equals(id) || vif.settings().name().equals(id);
  }

  private static RequestException noVif(Devices devices, String id) {
    return new RequestException(
        404, "there is no vif " + id + "; there are " + RequestBody.names(devices.names()));
  }

  /// Writes the nodes that the vif watches, where the toolstack would write them, so that a daemon
  /// that comes after this one finds them.
  private Reply changeRate(Devices devices, String id, String body) throws RequestException {
    RateRequest request = RequestBody.read(() -> VifSection.rates("request", body));
    for (VifStatistics vif : vifs.statistics()) {
      if (isCalled(vif, id)) {
        if (!writeRates(vif.id(), request)) {
          throw noVif(devices, id);
        }
        Map<String, Object> rates = new LinkedHashMap<>();
        rates.put("id", vif.id().toString());
        rates.put("rateFromGuest", request.fromGuest().orElse(vif.fromGuest()).toString());
        rates.put("rateToGuest", request.toGuest().orElse(vif.toGuest()).toString());
        return Reply.ok(rates);
      }
    }
    DeviceStatus device = devices.find(id).orElseThrow(() -> noVif(devices, id));
    throw new RequestException(409, id + " is not served: " + device.lastError());
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
}
