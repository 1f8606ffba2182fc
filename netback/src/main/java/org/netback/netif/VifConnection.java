package org.netback.netif;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.netback.ctrl.CtrlRing;
import org.netback.ctrl.GrefBudget;
import org.netback.ctrl.GrefControl;
import org.netback.ctrl.HashControl;
import org.netback.loop.EventLoop;
import org.netback.vswitch.Network;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.Attachment;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.ring.RingService;

/// A vif from the moment its guest has published its rings until it lets go of them, or breaks
/// them. Opened, closed and begun anew on the bus's thread; the queues report failures from theirs.
final class VifConnection {
  private final Attachment attachment;
  private final VifPort port;
  private final List<QueuePair> queues = new ArrayList<>();
  private final SwitchPort switchPort;
  private final HashControl hash;
  private volatile boolean open;

  private VifConnection(
      Attachment attachment, VifPort port, SwitchPort switchPort, HashControl hash) {
    this.attachment = attachment;
    this.port = port;
    this.switchPort = switchPort;
    this.hash = hash;
  }

  /// Maps and binds everything, joins the network and starts.
  ///
  /// @param attachment empty, and the connection's from now on
  /// @param grefBudget what all guests together may have mapped for good
  /// @param multicastControl whether the guest's list of groups is applied
  /// @param credit for what the guest sends
  /// @param loops deals out the loops, one per queue
  /// @param carrierChanged told that [#hasCarrier] may have changed; returns at once
  /// @throws DeviceException a reference or a channel is wrong; everything is undone
  static VifConnection open(
      Attachment attachment,
      GrefBudget grefBudget,
      VifSettings settings,
      boolean multicastControl,
      Credit credit,
      Supplier<LoopMemory> loops,
      Network network,
      VifPort port,
      Runnable carrierChanged)
      throws DeviceException {
    SwitchPort switchPort = network.attach(port);
    attachment.keep(switchPort::close);
    VifConnection connection =
        new VifConnection(
            attachment,
            port,
            switchPort,
            new HashControl(
                attachment.guests().grants(), attachment.domid(), settings.queues().size()));
    try {
      connection.connect(grefBudget, settings, multicastControl, credit, loops, carrierChanged);
    } catch (Throwable e) {
      connection.close();
      throw e;
    }
    return connection;
  }

  private void connect(
      GrefBudget grefBudget,
      VifSettings settings,
      boolean multicastControl,
      Credit credit,
      Supplier<LoopMemory> loops,
      Runnable carrierChanged)
      throws DeviceException {
    judgeKeys(settings);
    applyMulticast(multicastControl);
    List<LoopMemory> dealt = settings.queues().stream().map(_ -> loops.get()).toList();
    for (int i = 0; i < dealt.size(); i++) {
      queues.add(
          QueuePair.open(
              attachment,
              grefBudget,
              settings,
              settings.queues().get(i),
              dealt.get(i),
              i,
              switchPort.openIngress(i),
              switchPort.multicastFilter(),
              credit,
              port,
              carrierChanged,
              this::fail));
    }
    if (settings.ctrl()) {
      serveCtrl(loops.get().loop());
    }
    EventLoop first = dealt.getFirst().loop();
    Shaper shaper = new Shaper(first, port.credit(), port.traffic(), port::deliver);
    attachment.keep(shaper::close);
    attachment.keep(port::down);
    open = true;
    port.up(
        settings.accepts(),
        shaper,
        queues.stream().map(QueuePair::rx).toArray(RxQueue[]::new),
        hash::configuration);
    attachment.start();
  }

  /// All of them before anything is mapped.
  private void judgeKeys(VifSettings settings) throws DeviceException {
    for (VifSettings.QueueKeys queue : settings.queues()) {
      attachment.gref(queue.txRing());
      attachment.gref(queue.rxRing());
      attachment.port(queue.txChannel());
      attachment.port(queue.rxChannel());
    }
    if (settings.ctrl()) {
      attachment.gref(VifSettings.CTRL_RING);
      attachment.port(VifSettings.CTRL_CHANNEL);
    }
  }

  private void serveCtrl(EventLoop loop) throws DeviceException {
    CtrlRing ctrl =
        new CtrlRing(
            attachment.ring(VifSettings.CTRL_RING, CtrlRequest.SIZE),
            loop,
            hash,
            new GrefControl(
                attachment.guests().grants(),
                attachment.domid(),
                queues.stream().map(QueuePair::mappings).toList()),
            this::fail);
    RingService service = ctrl.service();
    attachment.serve(service, attachment.bind(VifSettings.CTRL_CHANNEL, loop, service::onEvent));
  }

  /// Stops and lets go of everything. Idempotent.
  void close() {
    open = false;
    attachment.close();
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
    if (attachment.fail(cause)) {
      open = false;
      port.down();
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
