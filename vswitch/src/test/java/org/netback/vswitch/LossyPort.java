package org.netback.vswitch;

import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;

/// Stands in front of a port and loses every frame of some lengths. Any thread.
final class LossyPort implements Port {
  private final Port port;
  private final int modulus;

  /// @param modulus of the lengths that are lost
  LossyPort(Port port, int modulus) {
    this.port = port;
    this.modulus = modulus;
  }

  @Override
  public String name() {
    return port.name();
  }

  @Override
  public OffloadSet accepts() {
    return port.accepts();
  }

  @Override
  public boolean takesPartialFrames() {
    return port.takesPartialFrames();
  }

  @Override
  public void transmit(FrameBatch frames) {
    FrameBatch passed = new FrameBatch(frames.size());
    for (int i = 0; i < frames.size(); i++) {
      Frame frame = frames.get(i);
      if (frame.length() % modulus == 0) {
        traffic().drop(DropReason.DELIVERY_FAILED, Observer.NO_QUEUE, frame);
      } else {
        passed.add(frame);
      }
    }
    port.transmit(passed);
  }

  @Override
  public PortTraffic traffic() {
    return port.traffic();
  }
}
