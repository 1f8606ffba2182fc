package org.netback.netif;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.netback.ctrl.GrefBudget;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.vswitch.Network;
import org.netback.xen.bus.Attachment;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceBackend;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.FrontendKeys;
import org.netback.xen.ground.Guests;
import org.netback.xen.store.StoreException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One network device of one guest.
///
/// Of what netif.h knows, all is offered; Linux's XDP headroom, which is not in the header, is not.
/// `carrier` in the backend directory tells the guest's link: 1 from the connection on, 0 while the
/// guest is stalled on all of its queues.
///
/// Connected and disconnected on the bus's thread; read from any.
public final class Vif implements DeviceBackend {
  /// The node for what the guest may send, as toolstacks write it.
  public static final String RATE_FROM_GUEST = "rate";

  /// The node for what the guest may be sent, of our own.
  public static final String RATE_TO_GUEST = "rate-to-guest";

  private static final Logger LOG = LoggerFactory.getLogger(Vif.class);
  private static final String REQUEST_MULTICAST_CONTROL = "request-multicast-control";

  private final BackendDevice device;
  private final BackendSettings settings;
  private final Guests guests;
  private final InternalErrors errors;
  private final GrefBudget grefBudget;
  private final int maxQueues;
  private final Supplier<LoopMemory> loops;
  private final Network network;
  private final VifPort port;
  private final Executor storeWriter;
  private final Runnable removed;
  private final Credit fromGuest;

  /// What was read of rates and is none, by key.
  private final Map<String, String> unreadable = new HashMap<>();

  private volatile Optional<VifConnection> connection = Optional.empty();

  Vif(
      BackendDevice device,
      BackendSettings settings,
      Guests guests,
      InternalErrors errors,
      GrefBudget grefBudget,
      int maxQueues,
      Supplier<LoopMemory> loops,
      Network network,
      VifPort port,
      Executor storeWriter,
      Credit fromGuest,
      Runnable removed) {
    this.device = device;
    this.settings = settings;
    this.guests = guests;
    this.errors = errors;
    this.grefBudget = grefBudget;
    this.maxQueues = maxQueues;
    this.loops = loops;
    this.network = network;
    this.port = port;
    this.storeWriter = storeWriter;
    this.removed = removed;
    this.fromGuest = fromGuest;
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
    features.put("feature-multicast-control", "1");
    features.put("feature-dynamic-multicast-control", "1");
    features.put("feature-split-event-channels", "1");
    features.put("feature-ctrl-ring", "1");
    features.put("multi-queue-max-queues", Integer.toString(maxQueues));
    return features;
  }

  @Override
  public void connect() throws DeviceException, StoreException {
    disconnect();
    FrontendKeys keys = device.frontendKeys();
    VifSettings frontend = VifSettings.read(keys, maxQueues, settings.mtu());
    readRates();
    // If the directory has gone, the bus finds that out next.
    boolean _ = device.publish(Map.of("carrier", "1"), false);
    connection =
        Optional.of(
            VifConnection.open(
                new Attachment(device, keys, guests, errors),
                grefBudget,
                frontend,
                requestsMulticastControl(),
                fromGuest,
                loops,
                network,
                port,
                () -> storeWriter.execute(this::writeCarrier)));
  }

  @Override
  public List<String> liveKeys() {
    return List.of(REQUEST_MULTICAST_CONTROL);
  }

  @Override
  public void refresh() throws StoreException {
    readRates();
    if (connection.isPresent()) {
      connection.get().applyMulticast(requestsMulticastControl());
    }
  }

  /// Anything but a number other than 0 is no request: a guest's nonsense is not worth its device.
  private boolean requestsMulticastControl() throws StoreException {
    return device
        .frontendKey(REQUEST_MULTICAST_CONTROL)
        .filter(value -> value.matches("[0-9]{1,9}") && Integer.parseInt(value) != 0)
        .isPresent();
  }

  private void readRates() throws StoreException {
    fromGuest.limitTo(rate(RATE_FROM_GUEST));
    port.limitTo(rate(RATE_TO_GUEST));
  }

  /// Both or none; not at once in force, but when the bus has heard of it.
  ///
  /// @return false if the device has gone
  boolean writeRates(Optional<Rate> fromGuest, Optional<Rate> toGuest) throws StoreException {
    Map<String, String> nodes = new HashMap<>();
    fromGuest.ifPresent(rate -> nodes.put(RATE_FROM_GUEST, node(rate)));
    toGuest.ifPresent(rate -> nodes.put(RATE_TO_GUEST, node(rate)));
    return device.publish(nodes, false);
  }

  /// No limit is no node.
  private static String node(Rate rate) {
    return rate.isUnlimited() ? "" : rate.node();
  }

  /// As in Linux, what cannot be read is no limit; said once, since it is looked at often.
  private Rate rate(String key) throws StoreException {
    Optional<String> value = device.backendKey(key).filter(text -> !text.isEmpty());
    Optional<Rate> rate = value.flatMap(Rate::ofNode);
    if (value.isPresent()
        && rate.isEmpty()
        && !value.get().equals(unreadable.put(key, value.get()))) {
      LOG.warn(
          "{} of {} is \"{}\", not {}: no limit", key, device.id(), value.get(), Rate.nodeForm());
    }
    return rate.orElse(Rate.UNLIMITED);
  }

  @Override
  public void disconnect() {
    connection.ifPresent(VifConnection::close);
  }

  @Override
  public void remove() {
    Closing.all(this::disconnect, removed::run);
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
        current.map(VifConnection::hasAppliedMulticast).orElse(false),
        fromGuest.rate(),
        port.credit().rate(),
        port.accepts(),
        port.hashing().toString(),
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
      // The next connection begins with a carrier.
      return;
    }
    try {
      boolean _ = device.publish(Map.of("carrier", current.get().hasCarrier() ? "1" : "0"), false);
    } catch (StoreException e) {
      LOG.warn("carrier of {} not written: {}", device.id(), e.getMessage());
    }
  }
}
