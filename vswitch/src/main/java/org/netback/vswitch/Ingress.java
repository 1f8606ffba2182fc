package org.netback.vswitch;

import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;

/// The way of one sending queue's frames through the switch. Confined to the thread of that queue's
/// loop, close included.
public final class Ingress implements AutoCloseable {
  private static final int BATCH = 64;

  private final SwitchPort port;
  private final FrameBatch pending = new FrameBatch(BATCH);

  Ingress(SwitchPort port) {
    this.port = port;
  }

  /// Carries a round's frames to where they belong. The frames are lent: when this returns, nobody
  /// holds them any more. Their checksums may have been completed in place.
  public void forward(FrameBatch frames) {
    for (SwitchPort egress : port.network().snapshot()) {
      if (egress == port) {
        continue;
      }
      for (int i = 0; i < frames.size(); i++) {
        Frame frame = frames.get(i);
        if (pending.isFull()) {
          egress.port().transmit(pending);
          pending.clear();
        }
        pending.add(frame);
      }
      egress.port().transmit(pending);
      pending.clear();
    }
    port.port().counters().ingress(frames.size(), frames.octets());
  }

  /// Gives back the queue's scratch memory. The port stays attached.
  @Override
  public void close() {}
}
