package org.netback.vswitch;

import java.util.concurrent.atomic.AtomicInteger;

/// What a [MulticastTable] keeps of one port. Written under the table's lock; the count is read by
/// any thread.
final class PortGroups {
  private final Membership joined = Membership.listEnd();
  private final AtomicInteger count = new AtomicInteger();

  /// The end of the list of the port's memberships.
  Membership joined() {
    return joined;
  }

  /// How many groups the port is in.
  int count() {
    return count.get();
  }

  void add(int change) {
    count.addAndGet(change);
  }
}
