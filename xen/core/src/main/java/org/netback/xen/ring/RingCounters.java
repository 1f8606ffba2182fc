package org.netback.xen.ring;

/// What a [RingService] has done. Written under its guard; read by any thread, which may see a
/// round half counted.
public final class RingCounters {
  long events;
  long spuriousEvents;
  long notifications;

  RingCounters() {}

  /// Notifications from the guest.
  public long events() {
    return events;
  }

  /// Those that came with nothing new in the ring.
  public long spuriousEvents() {
    return spuriousEvents;
  }

  /// Notifications sent to the guest.
  public long notifications() {
    return notifications;
  }
}
