package org.netback.netif;

/// What an [RxQueue] has done since it was connected. Written under the queue's lock only; read by
/// any thread, which may see a batch half counted.
final class RxCounters {
  long packets;
  long octets;
  long copyFailures;
  long mappedCopies;
  long backlogged;
  long events;
  long spuriousEvents;
  long batches;
  long notifications;
  long answered;
  long stalls;
  int backlogFrames;
  int backlogOctets;
  boolean stalled;
  int reqCons;
  int rspProd;

  QueueStatistics.Rx snapshot() {
    return new QueueStatistics.Rx(
        packets,
        octets,
        copyFailures,
        mappedCopies,
        backlogged,
        events,
        spuriousEvents,
        batches,
        notifications,
        answered - notifications,
        backlogFrames,
        backlogOctets,
        stalls,
        stalled,
        new QueueStatistics.RingIndices(reqCons, rspProd));
  }
}
