package org.netback.netif;

import org.netback.xen.ring.RingViolation;

/// Where a queue reports that it cannot go on. It has stopped itself by then; the vif stops the
/// others.
interface QueueFailure {
  /// The guest broke the ring.
  void ringBroken(RingViolation violation);

  /// A bug of ours.
  void crashed(RuntimeException bug);
}
