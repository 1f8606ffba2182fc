package org.netback.netif;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.netback.ctrl.CtrlRing;
import org.netback.ctrl.GrefControl;
import org.netback.ctrl.GrefMappings;
import org.netback.ctrl.HashControl;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.event.EventChannel;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.ring.BackRing;

/// The control ring of a vif, mapped, and its channel.
final class CtrlService {
  private final CtrlRing ctrl;
  private final EventChannel channel;
  private final Deque<Runnable> undo;

  private CtrlService(CtrlRing ctrl, EventChannel channel, Deque<Runnable> undo) {
    this.ctrl = ctrl;
    this.channel = channel;
    this.undo = undo;
  }

  /// Maps the ring and binds its channel; nothing runs before [#start].
  ///
  /// @throws DeviceException the reference or the channel is wrong; nothing stays mapped or bound
  static CtrlService open(
      Ground ground,
      int domid,
      VifSettings.CtrlKeys keys,
      EventLoop loop,
      HashControl hash,
      List<GrefMappings> mappings,
      Consumer<Throwable> failure)
      throws DeviceException {
    Deque<Runnable> undo = new ArrayDeque<>();
    try {
      BackRing ring =
          QueuePair.map(
              ground, domid, VifSettings.CtrlKeys.RING, keys.ref(), CtrlRequest.SIZE, undo);
      CtrlRing ctrl =
          new CtrlRing(
              ring, loop, hash, new GrefControl(ground.grants(), domid, mappings), failure);
      EventChannel channel =
          QueuePair.bind(
              ground, domid, VifSettings.CtrlKeys.CHANNEL, keys.port(), loop, ctrl::onEvent, undo);
      return new CtrlService(ctrl, channel, undo);
    } catch (Throwable e) {
      QueuePair.undo(undo);
      throw e;
    }
  }

  void start() {
    ctrl.start(channel);
  }

  void halt() {
    ctrl.halt();
  }

  /// Ends the service, then lets go of the ring. Idempotent.
  void close() {
    Closing.all(ctrl::close, () -> QueuePair.undo(undo));
  }
}
