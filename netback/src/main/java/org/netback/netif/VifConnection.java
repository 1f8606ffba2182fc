package org.netback.netif;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.netback.ctrl.HashControl;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.vswitch.Network;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.ring.RingViolation;

/// A vif from the moment its guest has published its rings until it lets go of them, or breaks
/// them. Opened, closed and begun anew on the bus's thread; the queues report failures from theirs.
final class VifConnection {
  private final VifPort port;
  private final InternalErrors errors;
  private final Consumer<String> failure;
  private final List<QueuePair> queues = new ArrayList<>();
  private final AtomicBoolean failed = new AtomicBoolean();
  private final SwitchPort switchPort;
  private final HashControl hash;
  private Optional<Shaper> shaper = Optional.empty();
  private Optional<CtrlService> ctrl = Optional.empty();
  private volatile boolean open;

  private VifConnection(
      VifPort port,
      InternalErrors errors,
      Consumer<String> failure,
      SwitchPort switchPort,
      HashControl hash) {
    this.port = port;
    this.errors = errors;
    this.failure = failure;
    this.switchPort = switchPort;
    this.hash = hash;
  }

  /// Maps and binds everything, joins the network and starts.
  ///
  /// @param multicastControl whether the guest's list of groups is applied
  /// @param credit for what the guest sends
  /// @param loops deals out the loops, one per queue
  /// @param failure told once why the connection has ended by itself; returns at once
  /// @param carrierChanged told that [#hasCarrier] may have changed; returns at once
  /// @throws DeviceException a reference or a channel is wrong; everything is undone
  static VifConnection open(
      Ground ground,
      int domid,
      VifSettings settings,
      boolean multicastControl,
      Credit credit,
      Supplier<LoopMemory> loops,
      Network network,
      VifPort port,
      Consumer<String> failure,
      Runnable carrierChanged)
      throws DeviceException {
    VifConnection connection =
        new VifConnection(
            port,
            ground.errors(),
            failure,
            network.attach(port),
            new HashControl(ground.grants(), domid, settings.queues().size()));
    connection.applyMulticast(multicastControl);
    try {
      for (VifSettings.QueueKeys keys : settings.queues()) {
        LoopMemory memory = loops.get();
        if (connection.shaper.isEmpty()) {
          connection.shaper =
              Optional.of(new Shaper(memory.loop(), port.credit(), port.counters(), port::deliver));
        }
        connection.queues.add(
            QueuePair.open(
                ground,
                domid,
                settings,
                keys,
                memory,
                connection.switchPort.openIngress(),
                connection.switchPort.multicastFilter(),
                credit,
                port,
                carrierChanged,
                connection::fail));
      }
      if (settings.ctrl().isPresent()) {
        connection.ctrl =
            Optional.of(
                CtrlService.open(
                    ground,
                    domid,
                    settings.ctrl().get(),
                    loops.get().loop(),
                    connection.hash,
                    connection.queues.stream().map(QueuePair::mappings).toList(),
                    connection::fail));
      }
    } catch (Throwable e) {
      connection.close();
      throw e;
    }
    connection.start(settings);
    return connection;
  }

  private void start(VifSettings settings) {
    open = true;
    port.up(
        settings.accepts(),
        shaper.orElseThrow(),
        queues.stream().map(QueuePair::rx).toArray(RxQueue[]::new),
        hash::configuration);
    ctrl.ifPresent(CtrlService::start);
    queues.forEach(QueuePair::start);
  }

  /// Stops and lets go of everything. Idempotent.
  void close() {
    open = false;
    Closing.all(
        port::down,
        () -> shaper.ifPresent(Shaper::close),
        () -> ctrl.ifPresent(CtrlService::close),
        () -> Closing.each(queues, QueuePair::close),
        switchPort::close);
  }

  /// Whether the guest gets only the groups that it has listed. The list itself goes with the
  /// connection.
  void applyMulticast(boolean whether) {
    switchPort.multicastFilter().apply(whether);
  }

  boolean hasAppliedMulticast() {
    return switchPort.multicastFilter().isApplied();
  }

  boolean isOpen() {
    return open;
  }

  /// Whether the guest takes frames on some queue: one that stalls on one queue alone is alive.
  boolean hasCarrier() {
    return open && queues.stream().anyMatch(queue -> !queue.rx().isStalled());
  }

  /// The first failure stops all queues and is reported; those that follow from it are not.
  private void fail(Throwable cause) {
    if (failed.compareAndSet(false, true) && open) {
      open = false;
      port.down();
      ctrl.ifPresent(CtrlService::halt);
      queues.forEach(QueuePair::halt);
      if (cause instanceof RingViolation) {
        failure.accept("broken ring: " + cause.getMessage());
      } else {
        errors.record("device " + port.name(), cause);
        failure.accept("internal error: " + cause);
      }
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
