package org.netback.capture;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.netback.capture.filter.FilterProgram;
import org.netback.packet.Frame;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Forwarding;
import org.netback.vswitch.Observer;
import org.netback.vswitch.SwitchPort;

/// The end of a capture that is on the frames' way: copies what is chosen into a ring of the thread
/// that carries the frame, and waits for nobody. When that ring is full, the capture loses the
/// frame and counts it; the frame goes its way.
///
/// Any thread. Each takes a spare ring with its first frame: memory is never asked for on a thread
/// that carries frames, since that may wait for the collector.
final class Recorder implements Observer {
  private final String name;
  private final CaptureChoice choice;
  private final int ringOctets;
  private final LongSupplier clock;

  @SuppressWarnings("ThreadLocalUsage") // each capture has rings of its own
  private final ThreadLocal<Lane> lane = new ThreadLocal<>();

  private final List<Lane> lanes = new CopyOnWriteArrayList<>();
  private final List<CapturedFrame> oldest = new CopyOnWriteArrayList<>();
  private final Queue<RecordRing> spare = new ConcurrentLinkedQueue<>();

  /// Frames of threads for which there was no ring.
  private final LongAdder lostWithoutRing = new LongAdder();

  /// Frames that may still be recorded; a few more may be, by several threads at once.
  private final AtomicLong left;

  /// A thread's ring.
  private static final class Lane {
    /// None when the capture has ended: the thread may live for long.
    private volatile @Nullable RecordRing ring;

    /// Written by the producer alone.
    private volatile long lost;

    private Lane(RecordRing ring) {
      this.ring = ring;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // of one thread
    private void lose() {
      lost++;
    }
  }

  /// @param most frames that are recorded
  /// @param threads that carry frames, as far as it is known
  /// @param ringOctets of each thread's ring, a power of two; more than four times the snap length
  /// @param clock nanoseconds since 1970
  Recorder(
      String name,
      CaptureChoice choice,
      long most,
      int threads,
      int ringOctets,
      LongSupplier clock) {
    this.name = name;
    this.choice = choice;
    this.left = new AtomicLong(most);
    this.ringOctets = ringOctets;
    this.clock = clock;
    for (int i = 0; i < threads; i++) {
      spare.add(new RecordRing(ringOctets));
    }
  }

  /// The consumer's: sees to it that a thread which is new finds a ring.
  void provide() {
    if (spare.isEmpty()) {
      spare.add(new RecordRing(ringOctets));
    }
  }

  /// The consumer's: gives the memory back. What is recorded after this is lost.
  void release() {
    left.set(0);
    spare.clear();
    oldest.clear();
    lanes.forEach(each -> each.ring = null);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int snapLength() {
    return Math.max(choice.snapLength(), Math.min(choice.filter().reach(), CaptureChoice.WHOLE));
  }

  @Override
  public void ingress(SwitchPort port, int queue, Frame frame) {
    record(CapturePoint.FROM_GUEST, port, queue, frame, CapturePoint.FROM_GUEST);
  }

  @Override
  public void forwarded(SwitchPort port, int queue, Frame frame, Forwarding decision) {
    record(CapturePoint.FORWARDED, port, queue, frame, decision);
  }

  @Override
  public void egress(SwitchPort port, int queue, Frame frame) {
    record(CapturePoint.TO_GUEST, port, queue, frame, CapturePoint.TO_GUEST);
  }

  @Override
  public void dropped(SwitchPort port, int queue, Frame frame, DropReason reason) {
    if (choice.takes(reason)) {
      record(CapturePoint.DROPPED, port, queue, frame, reason);
    }
  }

  /// A filter has nothing to look at, and a list of reasons has none of these.
  @Override
  public void rejected(SwitchPort port, int queue, int length, String reason) {
    if (!choice.takes(CapturePoint.REJECTED, queue)
        || choice.filter() != FilterProgram.EVERYTHING
        || !choice.reasons().isEmpty()) {
      return;
    }
    RecordRing to = ring();
    if (to == null) {
      return;
    }
    long at = begin(to, 0, port, reason);
    if (at != RecordRing.NONE) {
      CapturedFrame.writeRejected(to.memory(), at, clock.getAsLong(), queue, length);
      to.commit();
    }
  }

  private void record(CapturePoint point, SwitchPort port, int queue, Frame frame, Object verdict) {
    if (!choice.takes(point, queue)) {
      return;
    }
    int there = frame.intact();
    int wanted = choice.filter().run(frame.memory(), frame.offset(), there, frame.length());
    if (wanted <= 0) {
      return;
    }
    int kept = Math.min(Math.min(wanted, choice.snapLength()), there);
    RecordRing to = ring();
    if (to == null) {
      return;
    }
    long at = begin(to, kept, port, verdict);
    if (at != RecordRing.NONE) {
      CapturedFrame.write(to.memory(), at, clock.getAsLong(), point, queue, frame, kept);
      to.commit();
    }
  }

  private long begin(RecordRing to, int kept, SwitchPort port, Object verdict) {
    if (left.get() <= 0) {
      return RecordRing.NONE;
    }
    long at = to.begin(CapturedFrame.HEADER + kept, port, verdict);
    if (at == RecordRing.NONE) {
      lane.get().lose();
    } else {
      left.decrementAndGet();
    }
    return at;
  }

  /// This thread's.
  ///
  /// @return null if there is none, where the frame is lost; or when the capture has ended
  private @Nullable RecordRing ring() {
    Lane own = lane.get();
    if (own != null) {
      return own.ring;
    }
    RecordRing ring = spare.poll();
    if (ring == null) {
      lostWithoutRing.increment();
      return null;
    }
    own = new Lane(ring);
    lane.set(own);
    lanes.add(own);
    oldest.add(new CapturedFrame(ring));
    return ring;
  }

  /// The consumer's views of the rings of all threads so far.
  List<CapturedFrame> oldest() {
    return oldest;
  }

  /// Frames that there was no room for.
  long lost() {
    long sum = lostWithoutRing.sum();
    for (Lane each : lanes) {
      sum += each.lost;
    }
    return sum;
  }
}
