package org.netback.netif;

import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Port;
import org.netback.vswitch.PortCounters;

/// A vif as the switch sees it: frames for the guest come in here. Outlives the connections of its
/// guest; between them it drops what it gets (PORT_DOWN).
public final class VifPort implements Port {
  /// As many as a bit mask has bits.
  private static final int CHUNK = 64;

  private final String name;
  private final ThreadLocal<long[]> masks;
  private final PortCounters counters = new PortCounters();
  private volatile Link link = Link.DOWN;

  /// @param masks scratch memory of the calling threads, [VifSettings#MOST_QUEUES] long
  VifPort(String name, ThreadLocal<long[]> masks) {
    this.name = name;
    this.masks = masks;
  }

  void up(OffloadSet accepts, RxQueue[] queues) {
    link = new Link(accepts, queues);
  }

  void down() {
    link = Link.DOWN;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public OffloadSet accepts() {
    return link.accepts;
  }

  @Override
  public PortCounters counters() {
    return counters;
  }

  @Override
  public void transmit(FrameBatch frames) {
    RxQueue[] queues = link.queues;
    int size = frames.size();
    if (queues.length == 0) {
      counters.drop(DropReason.PORT_DOWN, size);
      return;
    }
    for (int base = 0; base < size; base += CHUNK) {
      int count = Math.min(CHUNK, size - base);
      if (queues.length == 1) {
        queues[0].transmit(frames, base, -1L >>> CHUNK - count);
      } else {
        spread(frames, base, count, queues);
      }
    }
  }

  /// Gives each frame to the queue of its flow: each queue is locked, pushed and notified once.
  private void spread(FrameBatch frames, int base, int count, RxQueue[] queues) {
    long[] mask = masks.get();
    for (int i = 0; i < count; i++) {
      long hash = FlowHash.of(frames.get(base + i)) & 0xffff_ffffL;
      mask[(int) (hash * queues.length >>> 32)] |= 1L << i;
    }
    for (int i = 0; i < queues.length; i++) {
      if (mask[i] != 0) {
        queues[i].transmit(frames, base, mask[i]);
        mask[i] = 0;
      }
    }
  }

  /// Both change together. The components are compared by nobody.
  private static final class Link {
    static final Link DOWN = new Link(OffloadSet.NONE, new RxQueue[0]);

    final OffloadSet accepts;
    final RxQueue[] queues;

    Link(OffloadSet accepts, RxQueue[] queues) {
      this.accepts = accepts;
      this.queues = queues;
    }
  }
}
