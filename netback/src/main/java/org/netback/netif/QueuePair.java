package org.netback.netif;

import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.netback.ctrl.GrefBudget;
import org.netback.ctrl.GrefMappings;
import org.netback.loop.EventLoop;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.MulticastFilter;
import org.netback.xen.bus.Attachment;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.event.EventChannel;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingService;

/// One queue of a vif: its tx ring and its rx ring, and the channel or the two channels by which
/// the guest tells of them. Both live on one loop.
///
/// @param mappings the queue's pages that are mapped for good
record QueuePair(TxQueue tx, RxQueue rx, GrefMappings mappings) {
  /// Maps the rings and binds the channels of a queue; nothing runs before the attachment starts.
  ///
  /// @param number of the queue
  /// @param grefBudget what all guests together may have mapped for good
  /// @throws DeviceException a reference or a channel is wrong
  static QueuePair open(
      Attachment attachment,
      GrefBudget grefBudget,
      VifSettings settings,
      VifSettings.QueueKeys keys,
      LoopMemory memory,
      int number,
      Ingress ingress,
      MulticastFilter multicast,
      Credit credit,
      VifPort port,
      Runnable carrierChanged,
      Consumer<Throwable> failure)
      throws DeviceException {
    EventLoop loop = memory.loop();
    attachment.keep(() -> close(ingress, loop));
    BackRing txRing = attachment.ring(keys.txRing(), TxRequest.SIZE);
    BackRing rxRing = attachment.ring(keys.rxRing(), RxRequest.SIZE);
    QueueLocks locks = new QueueLocks();
    GrefMappings mappings =
        new GrefMappings(attachment.guests().grants(), attachment.domid(), grefBudget, locks);
    attachment.keep(mappings::close);
    TxQueue tx =
        new TxQueue(
            attachment.domid(),
            txRing,
            mappings,
            locks.tx(),
            memory,
            port.traffic(),
            number,
            ingress,
            multicast,
            credit,
            failure);
    RxQueue rx =
        new RxQueue(
            attachment.domid(),
            rxRing,
            attachment.guests().grants(),
            mappings,
            locks.rx(),
            loop,
            port.traffic(),
            number,
            settings.rxNotify(),
            settings.accepts().maxLength(),
            settings.queues().size(),
            carrierChanged,
            failure);
    RingService transmits = tx.service();
    RingService receives = rx.service();
    EventChannel txChannel;
    EventChannel rxChannel;
    if (keys.split()) {
      txChannel = attachment.bind(keys.txChannel(), loop, transmits::onEvent);
      rxChannel = attachment.bind(keys.rxChannel(), loop, receives::onEvent);
    } else {
      txChannel =
          attachment.bind(
              keys.txChannel(),
              loop,
              () -> {
                boolean transmitted = transmits.onEvent();
                boolean posted = receives.onEvent();
                return transmitted || posted;
              });
      rxChannel = txChannel;
    }
    attachment.serve(receives, rxChannel);
    attachment.serve(transmits, txChannel);
    return new QueuePair(tx, rx, mappings);
  }

  /// Ingress is confined to its loop; when that has ended, it is nobody's.
  private static void close(Ingress ingress, EventLoop loop) {
    try {
      loop.execute(ingress::close);
    } catch (RejectedExecutionException e) {
      ingress.close();
    }
  }

  /// Any thread, also while the queue is being closed: no shared memory is read.
  QueueStatistics statistics(int queue) {
    return new QueueStatistics(queue, tx.statistics(), rx.statistics());
  }
}
