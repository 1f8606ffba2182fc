package org.netback.netif;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.netback.vswitch.Network;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceBackend;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.store.StoreException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One network device of one guest.
///
/// Of what netif.h knows, multicast control is not offered, nor is Linux's XDP headroom, which is
/// not in the header. `carrier` in the backend directory tells the guest's link: 1 from the
/// connection on, 0 while the guest is stalled on all of its queues.
///
/// Connected and disconnected on the bus's thread; read from any.
public final class Vif implements DeviceBackend {
  private static final Logger LOG = LoggerFactory.getLogger(Vif.class);

  private final BackendDevice device;
  private final BackendSettings settings;
  private final Ground ground;
  private final int maxQueues;
  private final Supplier<LoopMemory> loops;
  private final Network network;
  private final VifPort port;
  private final Executor storeWriter;
  private final Runnable removed;
  private volatile Optional<VifConnection> connection = Optional.empty();

  Vif(
      BackendDevice device,
      BackendSettings settings,
      Ground ground,
      int maxQueues,
      Supplier<LoopMemory> loops,
      Network network,
      VifPort port,
      Executor storeWriter,
      Runnable removed) {
    this.device = device;
    this.settings = settings;
    this.ground = ground;
    this.maxQueues = maxQueues;
    this.loops = loops;
    this.network = network;
    this.port = port;
    this.storeWriter = storeWriter;
    this.removed = removed;
  }

  @Override
  public Map<String, String> features() {
    Map<String, String> features = new LinkedHashMap<>();
    features.put("feature-sg", "1");
    features.put("feature-gso-tcpv4", "1");
    features.put("feature-gso-tcpv6", "1");
    features.put("feature-ipv6-csum-offload", "1");
    features.put("feature-rx-copy", "1");
    features.put("feature-rx-flip", "0");
    features.put("feature-split-event-channels", "1");
    features.put("feature-ctrl-ring", "1");
    features.put("multi-queue-max-queues", Integer.toString(maxQueues));
    return features;
  }

  @Override
  public void connect() throws DeviceException, StoreException {
    disconnect();
    VifSettings frontend = VifSettings.read(device.frontendKeys(), maxQueues);
    device.writeBackendKey("carrier", "1");
    connection =
        Optional.of(
            VifConnection.open(
                ground,
                device.id().domid(),
                frontend,
                loops,
                network,
                port,
                device::fail,
                () -> storeWriter.execute(this::writeCarrier)));
  }

  @Override
  public void disconnect() {
    connection.ifPresent(VifConnection::close);
  }

  @Override
  public void remove() {
    disconnect();
    removed.run();
  }

  /// The vif at this moment. Any thread, at any time.
  public VifStatistics statistics() {
    Optional<VifConnection> current = connection;
    return new VifStatistics(
        device.id(),
        settings,
        network.name(),
        current.map(VifConnection::isOpen).orElse(false),
        current.map(VifConnection::hasCarrier).orElse(false),
        port.accepts(),
        port.counters().ingressFrames(),
        port.counters().ingressOctets(),
        port.counters().egressFrames(),
        port.counters().egressOctets(),
        port.counters().drops(),
        current.map(VifConnection::statistics).orElse(List.of()));
  }

  /// The port by which the switch reaches the guest.
  public VifPort port() {
    return port;
  }

  /// Writes what holds now, so that it does not matter if two changes overtake each other.
  private void writeCarrier() {
    Optional<VifConnection> current = connection.filter(VifConnection::isOpen);
    if (current.isEmpty()) {
      // The directory may be gone already, and a write would bring it back.
      return;
    }
    try {
      device.writeBackendKey("carrier", current.get().hasCarrier() ? "1" : "0");
    } catch (StoreException e) {
      LOG.warn("carrier of {} not written: {}", device.id(), e.getMessage());
    }
  }
}
