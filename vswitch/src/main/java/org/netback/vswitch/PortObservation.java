package org.netback.vswitch;

import org.netback.packet.Frame;

/// An [Observation] at one port: no call of it throws.
///
/// @param port as which it shows the port
record PortObservation(Observation observation, SwitchPort port) {
  void ingress(int queue, Frame frame) {
    try {
      observation.observer().ingress(port, queue, frame);
    } catch (Throwable e) {
      observation.fail(e);
    }
  }

  void forwarded(int queue, Frame frame, Forwarding decision) {
    try {
      observation.observer().forwarded(port, queue, frame, decision);
    } catch (Throwable e) {
      observation.fail(e);
    }
  }

  void egress(int queue, Frame frame) {
    try {
      observation.observer().egress(port, queue, frame);
    } catch (Throwable e) {
      observation.fail(e);
    }
  }

  void dropped(int queue, Frame frame, DropReason reason) {
    try {
      observation.observer().dropped(port, queue, frame, reason);
    } catch (Throwable e) {
      observation.fail(e);
    }
  }

  void rejected(int queue, int length, String reason) {
    try {
      observation.observer().rejected(port, queue, length, reason);
    } catch (Throwable e) {
      observation.fail(e);
    }
  }
}
