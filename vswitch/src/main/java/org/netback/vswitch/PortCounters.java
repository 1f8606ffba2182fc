package org.netback.vswitch;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/// What has passed a port since it was made. Ingress and egress are the switch's: ingress came from
/// the port's peer. Any thread; written by [PortTraffic], once per batch.
public final class PortCounters {
  private final LongAdder ingressFrames = new LongAdder();
  private final LongAdder ingressOctets = new LongAdder();
  private final LongAdder egressFrames = new LongAdder();
  private final LongAdder egressOctets = new LongAdder();
  private final LongAdder[] drops = new LongAdder[DropReason.values().length];

  PortCounters() {
    for (int i = 0; i < drops.length; i++) {
      drops[i] = new LongAdder();
    }
  }

  void ingress(int frames, long octets) {
    ingressFrames.add(frames);
    ingressOctets.add(octets);
  }

  /// Frames that the receiver has got.
  void egress(int frames, long octets) {
    egressFrames.add(frames);
    egressOctets.add(octets);
  }

  void drop(DropReason reason, long frames) {
    drops[reason.ordinal()].add(frames);
  }

  public long ingressFrames() {
    return ingressFrames.sum();
  }

  public long ingressOctets() {
    return ingressOctets.sum();
  }

  public long egressFrames() {
    return egressFrames.sum();
  }

  public long egressOctets() {
    return egressOctets.sum();
  }

  public long drops(DropReason reason) {
    return drops[reason.ordinal()].sum();
  }

  /// The reasons that occurred.
  public Map<DropReason, Long> drops() {
    Map<DropReason, Long> result = new EnumMap<>(DropReason.class);
    for (DropReason reason : DropReason.values()) {
      long count = drops(reason);
      if (count > 0) {
        result.put(reason, count);
      }
    }
    return result;
  }
}
