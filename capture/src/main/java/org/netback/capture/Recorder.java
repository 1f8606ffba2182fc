package org.netback.capture;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
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
/// Any thread; each has a ring of its own, made with its first frame.
final class Recorder implements Observer {
  private final String name;
  private final CaptureChoice choice;
  private final int ringOctets;
  private final LongSupplier clock;
  private final List<Lane> lanes = new CopyOnWriteArrayList<>();
  private final ThreadLocal<Lane> lane;

  /// Frames that may still be recorded.
  private final AtomicLong left;

  /// A thread's ring.
  static final class Lane {
    private final RecordRing ring;
    private final CapturedFrame oldest;

    /// Written by the producer alone.
    private volatile long lost;

    private Lane(RecordRing ring) {
      this.ring = ring;
      this.oldest = new CapturedFrame(ring);
    }

    /// The consumer's view of it.
    CapturedFrame oldest() {
      return oldest;
    }

    long lost() {
      return lost;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // of one thread
    private void lose() {
      lost++;
    }
  }

  /// @param most frames that are recorded
  /// @param ringOctets of each thread's ring, a power of two; four times the snap length at least
  /// @param clock nanoseconds since 1970
  Recorder(String name, CaptureChoice choice, long most, int ringOctets, LongSupplier clock) {
    this.name = name;
    this.choice = choice;
    this.left = new AtomicLong(most);
    this.ringOctets = ringOctets;
    this.clock = clock;
    this.lane = new ThreadLocal<>();
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
    Lane to = lane(port);
    long at = begin(to, 0, port, reason);
    if (at != RecordRing.NONE) {
      CapturedFrame.writeRejected(to.ring.memory(), at, clock.getAsLong(), queue, length);
      to.ring.commit();
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
    Lane to = lane(port);
    long at = begin(to, kept, port, verdict);
    if (at != RecordRing.NONE) {
      CapturedFrame.write(to.ring.memory(), at, clock.getAsLong(), point, queue, frame, kept);
      to.ring.commit();
    }
  }

  private long begin(Lane to, int kept, SwitchPort port, Object verdict) {
    if (left.get() <= 0) {
      return RecordRing.NONE;
    }
    long at = to.ring.begin(CapturedFrame.HEADER + kept, port, verdict);
    if (at == RecordRing.NONE) {
      to.lose();
    } else {
      left.decrementAndGet();
    }
    return at;
  }

  private Lane lane(SwitchPort port) {
    Lane own = lane.get();
    if (own == null) {
      own = new Lane(new RecordRing(ringOctets, port));
      lane.set(own);
      lanes.add(own);
    }
    return own;
  }

  /// The rings of all threads so far.
  List<Lane> lanes() {
    return lanes;
  }

  /// Whether as many frames were recorded as were wanted.
  boolean isDone() {
    return left.get() <= 0;
  }

  /// Frames that there was no room for.
  long lost() {
    long sum = 0;
    for (Lane each : lanes) {
      sum += each.lost();
    }
    return sum;
  }
}
