package org.netback.vswitch;

import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;

/// What passes a port: counted, and shown to the [Observer]s of the port. Both are done here and
/// nowhere else, so that no frame is delivered or dropped without being seen.
///
/// Every [Port] has one for its whole life, in whatever networks it is. While nobody observes the
/// port, that costs a look at one field for each round or batch, and for each drop. Any thread.
public final class PortTraffic {
  private static final PortObservation[] NOBODY = {};

  private final PortCounters counters = new PortCounters();

  /// Replaced as a whole.
  private volatile PortObservation[] observers = NOBODY;

  public PortCounters counters() {
    return counters;
  }

  void observedBy(PortObservation[] all) {
    observers = all;
  }

  /// Those who observe the port now.
  PortObservation[] observers() {
    return observers;
  }

  /// Whether delivered frames are to be shown ([#showDelivered]).
  public boolean isObserved() {
    return observers.length != 0;
  }

  /// Whether an observer wants to see octets that are still with their sender.
  static boolean lacks(FrameBatch frames, PortObservation[] observers) {
    int snap = snapLength(observers);
    for (int i = 0; i < frames.size(); i++) {
      if (lacks(frames.get(i), snap)) {
        return true;
      }
    }
    return false;
  }

  private static boolean lacks(Frame frame, int snap) {
    return frame.head() < Math.min(snap, frame.length());
  }

  private static int snapLength(PortObservation[] observers) {
    int longest = 0;
    for (PortObservation observer : observers) {
      longest = Math.max(longest, observer.observation().snapLength());
    }
    return longest;
  }

  /// Shows frames as they came, after making private what is to be shown of them.
  static void showIngress(PortObservation[] observers, int queue, FrameBatch frames) {
    int snap = snapLength(observers);
    int size = frames.size();
    for (int base = 0; base < size; base += Long.SIZE) {
      long lacking = 0;
      for (int i = 0; i < Math.min(Long.SIZE, size - base); i++) {
        lacking |= lacks(frames.get(base + i), snap) ? 1L << i : 0;
      }
      if (lacking != 0) {
        frames.pull(base, lacking);
      }
    }
    for (int i = 0; i < size; i++) {
      for (PortObservation observer : observers) {
        observer.ingress(queue, frames.get(i));
      }
    }
  }

  static void showForwarded(
      PortObservation[] observers, int queue, Frame frame, Forwarding decision) {
    for (PortObservation observer : observers) {
      observer.forwarded(queue, frame, decision);
    }
  }

  static void showDropped(PortObservation[] observers, int queue, Frame frame, DropReason reason) {
    for (PortObservation observer : observers) {
      observer.dropped(queue, frame, reason);
    }
  }

  /// Frames that the receiver has got, all of a batch.
  ///
  /// @param queue of the port's, or [Observer#NO_QUEUE]
  public void delivered(int queue, FrameBatch frames) {
    countDelivered(frames.size(), frames.octets());
    if (isObserved()) {
      for (int i = 0; i < frames.size(); i++) {
        showDelivered(queue, frames.get(i));
      }
    }
  }

  /// Counts frames that the receiver has got, and that are shown one by one if the port
  /// [#isObserved()].
  public void countDelivered(int frames, long octets) {
    counters.egress(frames, octets);
  }

  /// Shows one of those.
  public void showDelivered(int queue, Frame frame) {
    for (PortObservation observer : observers) {
      observer.egress(queue, frame);
    }
  }

  /// A frame that is dropped on its way to the receiver, or before it came into the switch.
  ///
  /// @param queue of the port's, or [Observer#NO_QUEUE]
  public void drop(DropReason reason, int queue, Frame frame) {
    counters.drop(reason, 1);
    PortObservation[] by = observers;
    if (by.length != 0) {
      showDropped(by, queue, frame, reason);
    }
  }

  /// All frames of a batch, from one on.
  public void drop(DropReason reason, int queue, FrameBatch frames, int from) {
    counters.drop(reason, frames.size() - from);
    PortObservation[] by = observers;
    if (by.length != 0) {
      for (int i = from; i < frames.size(); i++) {
        showDropped(by, queue, frames.get(i), reason);
      }
    }
  }

  /// Some frames of a batch.
  ///
  /// @param base index of the frame that the mask's lowest bit stands for
  /// @param mask a bit for each frame that is meant
  public void drop(DropReason reason, int queue, FrameBatch frames, int base, long mask) {
    counters.drop(reason, Long.bitCount(mask));
    PortObservation[] by = observers;
    if (by.length != 0) {
      for (long left = mask; left != 0; left &= left - 1) {
        showDropped(by, queue, frames.get(base + Long.numberOfTrailingZeros(left)), reason);
      }
    }
  }

  /// What the port's peer has sent and what is no frame; who rejects it counts it.
  ///
  /// @param length in octets, as the peer said
  /// @param reason a word for it, a constant
  public void reject(int queue, int length, String reason) {
    for (PortObservation observer : observers) {
      observer.rejected(queue, length, reason);
    }
  }
}
