package org.netback.daemon;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.netback.daemon.Events.Kind;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStatus;

/// Publishes how the devices of all classes have changed since the last look. A guest that connects
/// and disconnects without pause so causes two events a look at most. One thread.
final class DeviceChanges {
  private final Supplier<List<DeviceStatus>> devices;
  private final Map<String, DeviceService> services = new HashMap<>();
  private final Events events;
  private final Map<DeviceId, DeviceStatus> seen = new HashMap<>();

  /// @param devices how they stand now
  DeviceChanges(Supplier<List<DeviceStatus>> devices, List<DeviceService> services, Events events) {
    this.devices = devices;
    services.forEach(service -> this.services.put(service.deviceClass().type(), service));
    this.events = events;
  }

  /// To be called every second or so.
  void look() {
    Set<DeviceId> gone = new HashSet<>(seen.keySet());
    for (DeviceStatus now : devices.get()) {
      gone.remove(now.id());
      tell(Optional.ofNullable(seen.put(now.id(), now)), now);
    }
    for (DeviceId id : gone) {
      boolean attached =
          Optional.ofNullable(seen.remove(id)).filter(DeviceStatus::attached).isPresent();
      if (attached) {
        publish(Kind.DISCONNECTED, id, "");
      }
      publish(Kind.GONE, id, "");
    }
  }

  private void tell(Optional<DeviceStatus> before, DeviceStatus now) {
    if (before.isEmpty()) {
      publish(Kind.APPEARED, now.id(), "");
    }
    boolean attached = before.filter(DeviceStatus::attached).isPresent();
    if (attached && !now.attached()) {
      publish(Kind.DISCONNECTED, now.id(), "");
    }
    if (!now.lastError().isEmpty()
        && !before.map(DeviceStatus::lastError).orElse("").equals(now.lastError())) {
      publish(serves(now.id()) ? Kind.FAILED : Kind.REFUSED, now.id(), now.lastError());
    }
    if (!attached && now.attached()) {
      publish(Kind.CONNECTED, now.id(), "");
    }
  }

  private boolean serves(DeviceId id) {
    return Optional.ofNullable(services.get(id.type()))
        .filter(service -> service.serves(id))
        .isPresent();
  }

  private void publish(Kind kind, DeviceId id, String detail) {
    events.publish(kind, id.toString(), detail);
  }
}
