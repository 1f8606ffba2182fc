package org.netback.netif;

import java.util.function.Supplier;
import org.netback.hashing.HashConfiguration;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Port;
import org.netback.vswitch.PortCounters;

/// A vif as the switch sees it: frames for the guest come in here. Outlives the connections of its
/// guest; between them it drops what it gets (PORT_DOWN).
public final class VifPort implements Port {
  private final String name;
  private final ThreadLocal<PortScratch> scratch;
  private final PortCounters counters = new PortCounters();
  private final Credit credit;
  private volatile Link link = Link.DOWN;

  /// @param scratch memory of the calling threads
  /// @param credit for what the guest gets
  VifPort(String name, ThreadLocal<PortScratch> scratch, Credit credit) {
    this.name = name;
    this.scratch = scratch;
    this.credit = credit;
  }

  Credit credit() {
    return credit;
  }

  /// @param hashing what the guest has chosen of it, looked at for every batch
  void up(OffloadSet accepts, RxQueue[] queues, Supplier<HashConfiguration> hashing) {
    link = new Link(accepts, queues, hashing);
  }

  void down() {
    link = Link.DOWN;
  }

  /// What the guest has chosen of hashing; nothing while it is not connected.
  HashConfiguration hashing() {
    return link.hashing.get();
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
  public boolean takesPartialFrames() {
    return true;
  }

  /// With hashing switched on by the guest, its hash and its mapping choose the queue; otherwise a
  /// hash of our own does.
  @Override
  public void transmit(FrameBatch frames) {
    Link now = link;
    RxQueue[] queues = now.queues;
    int size = frames.size();
    if (queues.length == 0) {
      counters.drop(DropReason.PORT_DOWN, size);
      return;
    }
    PortScratch memory = scratch.get();
    HashConfiguration hashing = now.hashing.get();
    for (int base = 0; base < size; base += PortScratch.CHUNK) {
      int count = Math.min(PortScratch.CHUNK, size - base);
      long admitted = admit(frames, base, count);
      if (admitted == 0) {
        continue;
      }
      long[] hashes = memory.hash(hashing, frames, base, count);
      if (queues.length == 1) {
        queues[0].transmit(frames, base, admitted, hashes);
      } else {
        if (hashing.isOn()) {
          steer(hashing, hashes, admitted, queues.length, memory.masks);
        } else {
          spread(frames, base, admitted, queues.length, memory.masks);
        }
        transmit(frames, base, hashes, queues, memory.masks);
      }
    }
  }

  /// A bit for each frame that is within what the vif may get. What is over the rate is dropped,
  /// not queued: the backlog is there for a guest that is short of buffers, and its clocks tell a
  /// guest that has stalled; at a low rate its 2 MiB would be seconds of delay.
  private long admit(FrameBatch frames, int base, int count) {
    long admitted = -1L >>> PortScratch.CHUNK - count;
    if (!credit.isLimited()) {
      return admitted;
    }
    int overRate = 0;
    for (int i = 0; i < count; i++) {
      Frame frame = frames.get(base + i);
      if (credit.isSpent()) {
        overRate++;
        admitted &= ~(1L << i);
      } else {
        credit.spend(frame.length());
      }
    }
    if (overRate > 0) {
      counters.drop(DropReason.RATE_LIMITED, overRate);
    }
    return admitted;
  }

  /// Gives each frame to the queue that the guest wants it in.
  private static void steer(
      HashConfiguration hashing, long[] hashes, long admitted, int queues, long[] masks) {
    for (long left = admitted; left != 0; left &= left - 1) {
      int i = Long.numberOfTrailingZeros(left);
      masks[hashing.queue(hashes[i], queues)] |= 1L << i;
    }
  }

  /// Gives each frame to the queue of its flow.
  private static void spread(FrameBatch frames, int base, long admitted, int queues, long[] masks) {
    for (long left = admitted; left != 0; left &= left - 1) {
      int i = Long.numberOfTrailingZeros(left);
      long hash = FlowHash.of(frames.get(base + i)) & 0xffff_ffffL;
      masks[(int) (hash * queues >>> 32)] |= 1L << i;
    }
  }

  /// Each queue is locked, pushed and notified once.
  private static void transmit(
      FrameBatch frames, int base, long[] hashes, RxQueue[] queues, long[] masks) {
    for (int i = 0; i < queues.length; i++) {
      if (masks[i] != 0) {
        queues[i].transmit(frames, base, masks[i], hashes);
        masks[i] = 0;
      }
    }
  }

  /// All change together. The components are compared by nobody.
  private static final class Link {
    static final Link DOWN =
        new Link(OffloadSet.NONE, new RxQueue[0], () -> HashConfiguration.INITIAL);

    final OffloadSet accepts;
    final RxQueue[] queues;
    final Supplier<HashConfiguration> hashing;

    Link(OffloadSet accepts, RxQueue[] queues, Supplier<HashConfiguration> hashing) {
      this.accepts = accepts;
      this.queues = queues;
      this.hashing = hashing;
    }
  }
}
