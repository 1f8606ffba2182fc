package org.netback.xen.bus;

import java.util.ArrayList;
import java.util.List;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// What a class's factory has made of a device, with the watches of its live keys. Confined to the
/// bus's loop.
final class MadeBackend {
  private final BackendDevice device;
  private final DeviceBackend backend;
  private final List<String> liveKeys;
  private final BusLog log;
  private final List<XenStore.Watch> liveWatches = new ArrayList<>();

  private MadeBackend(
      BackendDevice device, DeviceBackend backend, List<String> liveKeys, BusLog log) {
    this.device = device;
    this.backend = backend;
    this.liveKeys = liveKeys;
    this.log = log;
  }

  /// @throws DeviceException the factory refuses the device
  static MadeBackend make(DeviceBackend.Factory factory, BackendDevice device, BusLog log)
      throws DeviceException {
    DeviceBackend backend = factory.create(device);
    try {
      return new MadeBackend(device, backend, List.copyOf(backend.liveKeys()), log);
    } catch (Throwable e) {
      // A backend that cannot even say this is not served.
      log.guard(device.id(), backend::remove);
      throw e;
    }
  }

  /// @param mark told of each change of a live key; any thread
  void watchLiveKeys(XenStore store, String frontendPath, Runnable mark) throws StoreException {
    for (String key : liveKeys) {
      liveWatches.add(store.watch(frontendPath + '/' + key, _ -> mark.run()));
    }
  }

  /// @return false if the device has gone
  boolean publishFeatures() throws StoreException {
    return device.publish(backend.features(), false);
  }

  void connect() throws DeviceException, StoreException {
    backend.connect();
  }

  void refresh() throws StoreException {
    backend.refresh();
  }

  void disconnect() {
    backend.disconnect();
  }

  /// Closes the watches and removes the backend. Never throws.
  void remove() {
    liveWatches.forEach(watch -> log.guard(device.id(), watch::close));
    liveWatches.clear();
    log.guard(device.id(), backend::remove);
  }
}
