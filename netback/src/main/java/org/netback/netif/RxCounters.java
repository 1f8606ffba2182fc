package org.netback.netif;

import org.netback.xen.ring.RingCounters;

/// What an [RxQueue] has done since it was connected. Written under the queue's lock only; read by
/// any thread, which may see a batch half counted.
final class RxCounters {
  long packets;
  long octets;
  long copyFailures;
  long mappedCopies;
  long backlogged;
  long batches;
  long answered;
  long stalls;
  int backlogFrames;
  int backlogOctets;
  boolean stalled;
  int reqCons;
  int rspProd;

  QueueStatistics.Rx snapshot(RingCounters ring) {
    return new QueueStatistics.Rx(
        packets,
        octets,
        copyFailures,
        mappedCopies,
        backlogged,
        ring.events(),
        ring.spuriousEvents(),
        batches,
        ring.notifications(),
        answered - ring.notifications(),
        backlogFrames,
        backlogOctets,
        stalls,
        stalled,
        new QueueStatistics.RingIndices(reqCons, rspProd));
  }
}
