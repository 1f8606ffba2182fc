package org.netback.netif;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.netback.ctrl.GrefMappings;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.MulticastFilter;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventHandler;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingViolation;

/// One queue of a vif: its tx ring and its rx ring, mapped, and the channel or the two channels by
/// which the guest tells of them. Both live on one loop.
final class QueuePair {
  private final TxQueue tx;
  private final RxQueue rx;
  private final GrefMappings mappings;
  private final EventChannel txChannel;
  private final EventChannel rxChannel;
  private final Deque<Runnable> undo;

  private QueuePair(
      TxQueue tx,
      RxQueue rx,
      GrefMappings mappings,
      EventChannel txChannel,
      EventChannel rxChannel,
      Deque<Runnable> undo) {
    this.tx = tx;
    this.rx = rx;
    this.mappings = mappings;
    this.txChannel = txChannel;
    this.rxChannel = rxChannel;
    this.undo = undo;
  }

  /// Maps the rings and binds the channels of a queue; nothing runs before [#start].
  ///
  /// @throws DeviceException a reference or a channel is wrong; nothing stays mapped or bound
  static QueuePair open(
      Ground ground,
      int domid,
      VifSettings settings,
      VifSettings.QueueKeys keys,
      LoopMemory memory,
      Ingress ingress,
      MulticastFilter multicast,
      Credit credit,
      VifPort port,
      Runnable carrierChanged,
      Consumer<Throwable> failure)
      throws DeviceException {
    Deque<Runnable> undo = new ArrayDeque<>();
    undo.push(() -> close(ingress, memory.loop()));
    try {
      BackRing txRing =
          map(ground, domid, keys.prefix() + "tx-ring-ref", keys.txRef(), TxRequest.SIZE, undo);
      BackRing rxRing =
          map(ground, domid, keys.prefix() + "rx-ring-ref", keys.rxRef(), RxRequest.SIZE, undo);
      QueueLocks locks = new QueueLocks();
      GrefMappings mappings = new GrefMappings(ground.grants(), domid, ground.grefBudget(), locks);
      undo.push(mappings::close);
      TxQueue tx =
          new TxQueue(
              domid,
              txRing,
              mappings,
              locks.tx(),
              memory,
              port.counters(),
              ingress,
              multicast,
              credit,
              failure);
      RxQueue rx =
          new RxQueue(
              domid,
              rxRing,
              ground.grants(),
              mappings,
              locks.rx(),
              memory.loop(),
              port.counters(),
              settings.rxNotify(),
              settings.accepts().maxLength(),
              settings.queues().size(),
              carrierChanged,
              failure);
      String key = keys.prefix() + "event-channel";
      if (keys.isSplit()) {
        EventChannel txChannel =
            bind(ground, domid, key + "-tx", keys.txPort(), memory.loop(), tx::onEvent, undo);
        EventChannel rxChannel =
            bind(ground, domid, key + "-rx", keys.rxPort(), memory.loop(), rx::onEvent, undo);
        return new QueuePair(tx, rx, mappings, txChannel, rxChannel, undo);
      }
      EventChannel channel =
          bind(
              ground,
              domid,
              key,
              keys.txPort(),
              memory.loop(),
              () -> {
                boolean transmitted = tx.onEvent();
                boolean posted = rx.onEvent();
                return transmitted || posted;
              },
              undo);
      return new QueuePair(tx, rx, mappings, channel, channel, undo);
    } catch (Throwable e) {
      undo(undo);
      throw e;
    }
  }

  /// Ingress is confined to its loop; when that has ended, it is nobody's.
  private static void close(Ingress ingress, EventLoop loop) {
    try {
      loop.execute(ingress::close);
    } catch (RejectedExecutionException e) {
      ingress.close();
    }
  }

  static BackRing map(
      Ground ground, int domid, String key, int gref, int slotSize, Deque<Runnable> undo)
      throws DeviceException {
    GrantMapping mapping;
    try {
      mapping = ground.grants().map(domid, new int[] {gref}, false);
    } catch (GrantException e) {
      throw new DeviceException(key + ": " + e.getMessage(), e);
    }
    undo.push(mapping::close);
    try {
      return BackRing.attach(mapping.memory(), slotSize);
    } catch (RingViolation e) {
      throw new DeviceException(key + ": " + e.getMessage(), e);
    }
  }

  static EventChannel bind(
      Ground ground,
      int domid,
      String key,
      int port,
      EventLoop loop,
      EventHandler handler,
      Deque<Runnable> undo)
      throws DeviceException {
    try {
      EventChannel channel = ground.events().bind(domid, port, loop, handler);
      undo.push(channel::close);
      return channel;
    } catch (IOException e) {
      throw new DeviceException(key + ": " + e.getMessage(), e);
    }
  }

  void start() {
    rx.start(rxChannel);
    tx.start(txChannel);
  }

  /// Stops both queues, then lets go of everything, the channels before the pages. Idempotent.
  void close() {
    Closing.all(tx::stop, rx::close, () -> undo(undo));
  }

  /// Once: what throws is not tried again.
  static void undo(Deque<Runnable> undo) {
    List<Runnable> all = List.copyOf(undo);
    undo.clear();
    Closing.each(all, Runnable::run);
  }

  void halt() {
    tx.halt();
    rx.halt();
  }

  GrefMappings mappings() {
    return mappings;
  }

  RxQueue rx() {
    return rx;
  }

  /// Any thread, also while the queue is being closed: no shared memory is read.
  QueueStatistics statistics(int queue) {
    return new QueueStatistics(queue, tx.counters().snapshot(), rx.counters().snapshot());
  }
}
