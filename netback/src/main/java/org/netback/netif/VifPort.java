package org.netback.netif;

import java.util.Optional;
import java.util.function.Supplier;
import org.netback.hashing.HashConfiguration;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Observer;
import org.netback.vswitch.Port;
import org.netback.vswitch.PortTraffic;

/// A vif as the switch sees it: frames for the guest come in here. Outlives the connections of its
/// guest; between them it drops what it gets (PORT_DOWN).
public final class VifPort implements Port {
  private final String name;
  private final ThreadLocal<PortScratch> scratch;
  private final PortTraffic traffic = new PortTraffic();
  private final Credit credit;
  private volatile Link link = Link.DOWN;

  /// @param scratch memory of the calling threads
  /// @param credit for what the guest gets
  VifPort(String name, ThreadLocal<PortScratch> scratch, Credit credit) {
    this.name = name;
    this.scratch = scratch;
    this.credit = credit;
  }

  /// For what the guest gets.
  Credit credit() {
    return credit;
  }

  /// Changes what the guest gets, of frames that wait already too.
  void limitTo(Rate rate) {
    if (credit.limitTo(rate)) {
      link.shaper.ifPresent(Shaper::rateChanged);
    }
  }

  /// @param shaper lets its frames out at [#deliver]
  /// @param hashing what the guest has chosen of it, looked at for every batch
  void up(
      OffloadSet accepts, Shaper shaper, RxQueue[] queues, Supplier<HashConfiguration> hashing) {
    link = new Link(accepts, Optional.of(shaper), queues, hashing);
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

  /// What the guest accepts, but segments in place of long frames while its rate is low.
  @Override
  public OffloadSet accepts() {
    Link now = link;
    return credit.isLimited() && Shaper.wantsSegments(credit.rate())
        ? now.acceptsSegments
        : now.accepts;
  }

  @Override
  public PortTraffic traffic() {
    return traffic;
  }

  @Override
  public boolean takesPartialFrames() {
    return true;
  }

  @Override
  public void transmit(FrameBatch frames) {
    Link now = link;
    int size = frames.size();
    if (now.queues.length == 0) {
      traffic.drop(DropReason.PORT_DOWN, Observer.NO_QUEUE, frames, 0);
      return;
    }
    for (int base = 0; base < size; base += PortScratch.CHUNK) {
      int count = Math.min(PortScratch.CHUNK, size - base);
      long all = -1L >>> PortScratch.CHUNK - count;
      Shaper shaper = now.shaper.orElseThrow();
      if (shaper.isActive()) {
        long passed = shaper.pass(frames, base, all);
        if (passed != 0) {
          deliver(now, frames, base, passed);
        }
        if (passed != all) {
          shaper.keep(frames, base, all & ~passed);
        }
      } else {
        deliver(now, frames, base, all);
      }
    }
  }

  /// Takes frames that the [Shaper] has kept until now.
  ///
  /// @param base index of the frame that the mask's lowest bit stands for
  /// @param mask a bit for each frame that is meant, of which there are some
  void deliver(FrameBatch frames, int base, long mask) {
    Link now = link;
    if (now.queues.length == 0) {
      traffic.drop(DropReason.PORT_DOWN, Observer.NO_QUEUE, frames, base, mask);
    } else {
      deliver(now, frames, base, mask);
    }
  }

  /// With hashing switched on by the guest, its hash and its mapping choose the queue; otherwise a
  /// hash of our own does.
  private void deliver(Link now, FrameBatch frames, int base, long mask) {
    RxQueue[] queues = now.queues;
    PortScratch memory = scratch.get();
    HashConfiguration hashing = now.hashing.get();
    int count = Math.min(PortScratch.CHUNK, frames.size() - base);
    long[] hashes = memory.hash(hashing, frames, base, count);
    if (queues.length == 1) {
      queues[0].transmit(frames, base, mask, hashes);
    } else {
      if (hashing.isOn()) {
        steer(hashing, hashes, mask, queues.length, memory.masks);
      } else {
        spread(frames, base, mask, queues.length, memory.masks);
      }
      transmit(frames, base, hashes, queues, memory.masks);
    }
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
        new Link(
            OffloadSet.NONE, Optional.empty(), new RxQueue[0], () -> HashConfiguration.INITIAL);

    final OffloadSet accepts;
    final OffloadSet acceptsSegments;
    final Optional<Shaper> shaper;
    final RxQueue[] queues;
    final Supplier<HashConfiguration> hashing;

    Link(
        OffloadSet accepts,
        Optional<Shaper> shaper,
        RxQueue[] queues,
        Supplier<HashConfiguration> hashing) {
      this.accepts = accepts;
      this.acceptsSegments = accepts.withoutSegmentation();
      this.shaper = shaper;
      this.queues = queues;
      this.hashing = hashing;
    }
  }
}
