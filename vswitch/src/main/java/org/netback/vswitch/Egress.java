package org.netback.vswitch;

import org.netback.offload.Admission;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;

/// The frames of a round that go to one port, in the order in which they came. Belongs to an
/// [Ingress], which uses it for one port after the other.
final class Egress {
  static final int CAPACITY = 64;

  final FrameBatch frames = new FrameBatch(CAPACITY);
  SwitchPort port;

  /// Whether a frame asks for something that the receiver may not take.
  boolean offload;

  int longest;

  /// Whether octets of a frame are still with its sender.
  boolean partial;

  Egress(SwitchPort port) {
    this.port = port;
  }

  void add(Frame frame) {
    frames.add(frame);
    offload |= Admission.concerns(frame);
    longest = Math.max(longest, frame.length());
    partial |= !frame.isWhole();
  }

  void clear() {
    frames.clear();
    offload = false;
    longest = 0;
    partial = false;
  }
}
