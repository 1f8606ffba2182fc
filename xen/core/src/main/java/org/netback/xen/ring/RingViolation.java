package org.netback.xen.ring;

/// The peer broke the ring itself: its indices cannot be true. Nothing in the ring can be believed
/// any more, so the device is disconnected.
public final class RingViolation extends Exception {
  public RingViolation(String message) {
    super(message);
  }
}
