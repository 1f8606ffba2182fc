package org.netback.xen.embedded;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceBackend;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.store.StoreException;

/// A device that does nothing but write down what the bus asks of it, each with the state that its
/// directory had then, and fails where it is told to.
final class RecordingDevice implements DeviceBackend {
  final BackendDevice device;
  final List<String> calls = new CopyOnWriteArrayList<>();
  boolean refuseConnect;

  /// The method that throws an AssertionError "planted"; empty for none.
  String throwsIn = "";

  boolean storeRefuses;

  /// What the live key was when the bus had it read last, and how often it has.
  String live = "";

  int refreshes;

  RecordingDevice(BackendDevice device) {
    this.device = device;
  }

  @Override
  public Map<String, String> features() {
    throwIfIn("features");
    return Map.of("feature-sg", "1", "multi-queue-max-queues", "2");
  }

  @Override
  public void connect() throws DeviceException, StoreException {
    note("connect");
    if (storeRefuses) {
      throw new StoreException("transaction", "planted", "EAGAIN");
    }
    if (refuseConnect) {
      throw new DeviceException("tx-ring-ref is missing");
    }
    throwIfIn("connect");
  }

  @Override
  public List<String> liveKeys() {
    throwIfIn("liveKeys");
    return List.of("request-live");
  }

  @Override
  public void refresh() throws StoreException {
    throwIfIn("refresh");
    refreshes++;
    live = device.frontendKey("request-live").orElse("");
  }

  @Override
  public void disconnect() {
    note("disconnect");
    throwIfIn("disconnect");
  }

  @Override
  public void remove() {
    note("remove");
    throwIfIn("remove");
  }

  private void throwIfIn(String method) {
    if (throwsIn.equals(method)) {
      throw new AssertionError("planted");
    }
  }

  private void note(String call) {
    try {
      calls.add(call + '@' + device.backendKey("state").orElse("gone"));
    } catch (StoreException e) {
      throw new AssertionError(e);
    }
  }
}
