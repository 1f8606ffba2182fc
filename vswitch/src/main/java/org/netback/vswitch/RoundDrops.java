package org.netback.vswitch;

import org.netback.packet.Frame;

/// What a round of an [Ingress] drops on the sender's account: shown at once, and counted at the
/// round's end. Confined to the round's thread.
final class RoundDrops {
  private static final DropReason[] REASONS = DropReason.values();

  private final PortTraffic traffic;
  private final int queue;
  private final int[] counts = new int[REASONS.length];
  private PortObservation[] observers = {};
  private boolean any;

  RoundDrops(PortTraffic traffic, int queue) {
    this.traffic = traffic;
    this.queue = queue;
  }

  /// @param by those who observe the port in this round
  void begin(PortObservation[] by) {
    observers = by;
  }

  void drop(DropReason reason, Frame frame) {
    counts[reason.ordinal()]++;
    any = true;
    if (observers.length != 0) {
      PortTraffic.showDropped(observers, queue, frame, reason);
    }
  }

  void count() {
    if (!any) {
      return;
    }
    any = false;
    for (DropReason reason : REASONS) {
      int count = counts[reason.ordinal()];
      if (count > 0) {
        traffic.counters().drop(reason, count);
        counts[reason.ordinal()] = 0;
      }
    }
  }
}
