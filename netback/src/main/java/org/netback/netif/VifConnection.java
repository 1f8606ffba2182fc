package org.netback.netif;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.netback.vswitch.Network;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.ring.RingViolation;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A vif from the moment its guest has published its rings until it lets go of them, or breaks
/// them. Opened, closed and begun anew on the bus's thread; the queues report failures from theirs.
final class VifConnection implements QueueFailure {
  private static final Logger LOG = LoggerFactory.getLogger(VifConnection.class);

  private final VifPort port;
  private final VifOwner owner;
  private final List<QueuePair> queues = new ArrayList<>();
  private final AtomicBoolean failed = new AtomicBoolean();
  private final SwitchPort switchPort;
  private volatile boolean open;

  private VifConnection(VifPort port, VifOwner owner, SwitchPort switchPort) {
    this.port = port;
    this.owner = owner;
    this.switchPort = switchPort;
  }

  /// Maps and binds everything, joins the network and starts.
  ///
  /// @param loops deals out the loops, one per queue
  /// @throws DeviceException a reference or a channel is wrong; everything is undone
  static VifConnection open(
      Ground ground,
      int domid,
      VifSettings settings,
      Supplier<LoopMemory> loops,
      Network network,
      VifPort port,
      VifOwner owner)
      throws DeviceException {
    VifConnection connection = new VifConnection(port, owner, network.attach(port));
    try {
      for (VifSettings.QueueKeys keys : settings.queues()) {
        connection.queues.add(
            QueuePair.open(
                ground,
                domid,
                settings,
                keys,
                loops.get(),
                connection.switchPort.openIngress(),
                port,
                owner::carrierChanged,
                connection));
      }
    } catch (DeviceException | RuntimeException e) {
      connection.close();
      throw e;
    }
    connection.start(settings);
    return connection;
  }

  private void start(VifSettings settings) {
    open = true;
    port.up(settings.accepts(), queues.stream().map(QueuePair::rx).toArray(RxQueue[]::new));
    queues.forEach(QueuePair::start);
  }

  /// Stops and lets go of everything. Idempotent.
  void close() {
    open = false;
    port.down();
    queues.forEach(QueuePair::close);
    switchPort.close();
  }

  boolean isOpen() {
    return open;
  }

  /// Whether the guest takes frames on some queue: one that stalls on one queue alone is alive.
  boolean hasCarrier() {
    return open && queues.stream().anyMatch(queue -> !queue.rx().isStalled());
  }

  @Override
  public void ringBroken(RingViolation violation) {
    fail("broken ring: " + violation.getMessage());
  }

  @Override
  public void crashed(RuntimeException bug) {
    if (open) {
      LOG.error("{} stopped by a bug", port.name(), bug);
      fail("internal error: " + bug);
    }
  }

  /// The first failure stops all queues and is reported; those that follow from it are not.
  private void fail(String message) {
    if (failed.compareAndSet(false, true)) {
      open = false;
      port.down();
      queues.forEach(QueuePair::halt);
      owner.failed(message);
    }
  }

  List<QueueStatistics> statistics() {
    List<QueueStatistics> result = new ArrayList<>();
    for (int i = 0; i < queues.size(); i++) {
      result.add(queues.get(i).statistics(i));
    }
    return result;
  }
}
