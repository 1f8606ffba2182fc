package org.netback.netif;

import java.util.EnumMap;
import java.util.Map;
import org.netback.xen.ring.RingCounters;

/// What a [TxQueue] has done since it was connected. Written on the queue's loop only; read by any
/// thread, which may see a round half counted.
final class TxCounters {
  long packets;
  long octets;
  final long[] rejected = new long[TxOutcome.values().length];
  long multicastRequests;
  long throttled;
  long copyFailures;
  long mappedCopies;
  long checksumFixups;
  long rounds;
  long answered;
  int reqCons;
  int rspProd;

  QueueStatistics.Tx snapshot(RingCounters ring) {
    Map<TxOutcome, Long> reasons = new EnumMap<>(TxOutcome.class);
    for (TxOutcome outcome : TxOutcome.values()) {
      if (rejected[outcome.ordinal()] > 0) {
        reasons.put(outcome, rejected[outcome.ordinal()]);
      }
    }
    return new QueueStatistics.Tx(
        packets,
        octets,
        reasons,
        multicastRequests,
        throttled,
        copyFailures,
        mappedCopies,
        checksumFixups,
        ring.events(),
        ring.spuriousEvents(),
        rounds,
        ring.notifications(),
        answered - ring.notifications(),
        new QueueStatistics.RingIndices(reqCons, rspProd));
  }
}
