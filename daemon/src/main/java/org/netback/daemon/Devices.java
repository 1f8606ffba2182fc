package org.netback.daemon;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStatus;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// The devices of one class as the bus and the store have them, those that are refused included.
/// Any thread but a loop's: it may wait for the store.
final class Devices {
  private static final Comparator<DeviceStatus> BY_DOMAIN =
      Comparator.comparingInt((DeviceStatus device) -> device.id().domid())
          .thenComparingInt(device -> device.id().handle());

  private final String type;
  private final BackendBus bus;
  private final XenStore store;

  /// @param type of the class: `vif`
  Devices(String type, BackendBus bus, XenStore store) {
    this.type = type;
    this.bus = bus;
    this.store = store;
  }

  /// All of them, ordered by domain and handle.
  List<DeviceStatus> list() {
    return bus.devices(type).stream().sorted(BY_DOMAIN).toList();
  }

  Optional<DeviceStatus> find(DeviceId id) {
    return list().stream().filter(device -> device.id().equals(id)).findAny();
  }

  /// @param name as [DeviceId#toString] makes it: `vif3.0`
  Optional<DeviceStatus> find(String name) {
    return list().stream().filter(device -> device.id().toString().equals(name)).findAny();
  }

  /// Their names, as text is sorted.
  List<String> names() {
    return list().stream().map(device -> device.id().toString()).sorted().toList();
  }

  /// How many there are, and how many are connected, as `/status` has it.
  ///
  /// @param things what they are called, in the plural: `vifs`
  Map<String, Object> counts(String things) {
    List<DeviceStatus> devices = list();
    Map<String, Object> counts = new LinkedHashMap<>();
    counts.put(things, devices.size());
    counts.put(
        "connected" + Character.toUpperCase(things.charAt(0)) + things.substring(1),
        devices.stream().filter(DeviceStatus::attached).count());
    return counts;
  }

  /// The fields that the view of a device of any class begins with.
  ///
  /// @param device as the bus has it; empty if the bus has not looked at it yet
  Map<String, Object> view(DeviceId id, Optional<DeviceStatus> device) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", id.toString());
    view.put("domid", id.domid());
    view.put("handle", id.handle());
    view.put("guest", read("/local/domain/" + id.domid() + "/name"));
    view.put("state", device.map(status -> status.backend().name()).orElse("UNKNOWN"));
    view.put("frontendState", device.map(status -> status.frontend().name()).orElse("UNKNOWN"));
    return view;
  }

  /// A key of a device's backend directory; empty if it is not there or cannot be read.
  String key(DeviceId id, String key) {
    return read(bus.directory(id) + '/' + key);
  }

  private String read(String path) {
    try {
      return store.read(path).orElse("");
    } catch (StoreException e) {
      return ""; // shown as unknown; the store's loss is reported elsewhere
    }
  }
}
