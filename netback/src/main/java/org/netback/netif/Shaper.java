package org.netback.netif;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.netback.hashing.HashConfiguration;
import org.netback.loop.EventLoop;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Observer;
import org.netback.vswitch.PortTraffic;

/// Keeps what the switch sends to a guest to the vif's rate: what is over it waits here, in one
/// queue before all rings of the vif, and goes on in the order in which it came. So no ring can
/// starve another, and a ring's [RxQueue] sees only frames that may go: a guest that is short of
/// buffers is told from one that is over its rate.
///
/// The queue is bounded by what it costs in delay: 50 ms at the rate, but 32 KiB at least, where
/// that is more, and 1 MiB at most. What does not fit is dropped (RATE_LIMITED), as is what has
/// waited for 10 s, which takes a rate below 26 Kb/s. An empty queue takes a frame of any length.
///
/// Below 100 Mb/s the switch is asked for segments ([#wantsSegments]): a GSO frame of 64 KiB would
/// take more than 5 ms, in which nothing else goes, and more than 50 ms at 10 Mb/s.
///
/// While nothing waits and there is credit, frames pass by without a lock. The queue's memory is
/// taken when the first frame waits, and given back a second after the last.
///
/// Any thread may offer frames; a timer on one loop lets them go. The lock is taken before that of
/// an [RxQueue], and no one who holds it waits for anything else.
final class Shaper {
  static final long DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  static final int LEAST_OCTETS = 32 << 10;
  static final int MOST_OCTETS = 1 << 20;
  static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(10);

  /// 100 Mb/s, in octets per second.
  private static final double COARSE = 12.5e6;

  /// Bounds how often the loop is woken.
  private static final long LEAST_WAIT_NANOS = TimeUnit.MICROSECONDS.toNanos(500);

  private final EventLoop loop;
  private final Credit credit;
  private final PortTraffic port;
  private final Output output;
  private final Runnable turn = this::turn;
  private final ReentrantLock lock = new ReentrantLock();

  /// For how many octets the queue has room.
  private int bound = LEAST_OCTETS;

  private RxBacklog queue = queue(bound);
  private final FrameBatch leaving = new FrameBatch(PortScratch.CHUNK);
  private boolean open = true;
  private EventLoop.Timer timer = () -> {};
  private long lastWait;

  /// Whether frames wait, or are on their way out: others must not overtake them.
  private volatile boolean holds;

  /// Where frames go that may.
  interface Output {
    /// @param base index of the frame that the mask's lowest bit stands for
    /// @param mask a bit for each frame that is meant
    void deliver(FrameBatch frames, int base, long mask);
  }

  /// @param loop on which frames go that have waited
  /// @param credit the vif's, for what its guest gets
  /// @param port the vif's
  /// @param output called under the lock for frames that have waited
  Shaper(EventLoop loop, Credit credit, PortTraffic port, Output output) {
    this.loop = loop;
    this.credit = credit;
    this.port = port;
    this.output = output;
  }

  /// Whether frames have to pass here. If not, all go on at once.
  boolean isActive() {
    return credit.isLimited() || holds;
  }

  /// Whether the rate is so low that long frames have to come in segments.
  static boolean wantsSegments(Rate rate) {
    return rate.octetsPerSecond() < COARSE;
  }

  /// How many octets may wait at a rate.
  static int bound(Rate rate) {
    double octets = rate.octetsPerSecond() * DELAY_NANOS / 1e9;
    return (int) Math.clamp(octets, LEAST_OCTETS, MOST_OCTETS);
  }

  /// With what a frame may leave empty at the end of the memory.
  private static RxBacklog queue(int bound) {
    return new RxBacklog(bound + OffloadSet.MAX_LENGTH + 1, PortScratch.CHUNK);
  }

  /// Takes credit for frames of a batch, from the first on, as far as there is some.
  ///
  /// @return a bit for each frame that is to go on at once; then the others are to be kept
  ///   ([#keep])
  long pass(FrameBatch frames, int base, long mask) {
    long left = mask;
    while (left != 0 && !holds && !credit.isSpent()) {
      credit.spend(frames.get(base + Long.numberOfTrailingZeros(left)).length());
      left &= left - 1;
    }
    return mask & ~left;
  }

  /// Lets frames wait, or drops and counts them.
  void keep(FrameBatch frames, int base, long mask) {
    lock.lock();
    try {
      if (!open) {
        port.drop(DropReason.PORT_DOWN, Observer.NO_QUEUE, frames, base, mask);
        return;
      }
      frames.pull(base, mask);
      int most = bound(credit.rate());
      if (queue.isEmpty()) {
        fit(most);
      }
      most = Math.min(most, bound);
      long now = loop.nanoTime();
      for (long left = mask; left != 0; left &= left - 1) {
        Frame frame = frames.get(base + Long.numberOfTrailingZeros(left));
        if (frame.isTorn()) {
          // Its sender's fault, and counted there.
          continue;
        }
        boolean fits = queue.isEmpty() || queue.octets() + frame.length() <= most;
        if (!fits || !queue.offer(frame, HashConfiguration.NO_HASH, now)) {
          port.drop(DropReason.RATE_LIMITED, Observer.NO_QUEUE, frame);
        }
      }
      lastWait = now;
      if (!holds && !queue.isEmpty()) {
        holds = true;
        wake(credit.nanosUntilCredit());
      }
    } finally {
      lock.unlock();
    }
  }

  /// After a change of the rate the queue is another when the old one is empty: mostly at once,
  /// since a new rate begins with a whole burst.
  private void fit(int octets) {
    if (octets != bound) {
      queue.release();
      bound = octets;
      queue = queue(bound);
    }
  }

  /// The rate has changed: what waits goes at the new one, on the calling thread as far as there is
  /// credit.
  void rateChanged() {
    turn();
  }

  /// Drops what waits, and takes nothing any more. Not under the lock of an [RxQueue]; idempotent.
  void close() {
    lock.lock();
    try {
      open = false;
      timer.cancel();
      while (!queue.isEmpty()) {
        dropOldest(DropReason.PORT_DOWN);
      }
      queue.release();
      holds = false;
    } finally {
      lock.unlock();
    }
  }

  private void turn() {
    lock.lock();
    try {
      if (open) {
        expire();
        release();
      }
    } finally {
      if (open) {
        plan();
      }
      lock.unlock();
    }
  }

  private void release() {
    while (!queue.isEmpty() && !credit.isSpent()) {
      leaving.clear();
      // The first one without another look: who passed by may have spent the credit meanwhile.
      do {
        Frame frame = queue.oldest();
        credit.spend(frame.length());
        leaving.add(frame);
        queue.remove();
      } while (!queue.isEmpty() && !leaving.isFull() && !credit.isSpent());
      output.deliver(leaving, 0, -1L >>> PortScratch.CHUNK - leaving.size());
    }
  }

  private void plan() {
    holds = !queue.isEmpty();
    if (holds) {
      wake(credit.nanosUntilCredit());
    } else if (queue.hasMemory()) {
      long idle = loop.nanoTime() - lastWait;
      if (idle < RxQueue.IDLE_NANOS) {
        wake(RxQueue.IDLE_NANOS - idle);
      } else {
        queue.release();
      }
    }
  }

  private void expire() {
    long now = loop.nanoTime();
    while (!queue.isEmpty() && now - queue.time() >= LONGEST_NANOS) {
      dropOldest(DropReason.RATE_LIMITED);
    }
  }

  private void dropOldest(DropReason reason) {
    port.drop(reason, Observer.NO_QUEUE, queue.oldest());
    queue.remove();
  }

  private void wake(long nanos) {
    timer.cancel();
    timer = loop.schedule(Math.clamp(nanos, LEAST_WAIT_NANOS, LONGEST_NANOS), turn);
  }
}
