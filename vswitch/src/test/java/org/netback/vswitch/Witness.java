package org.netback.vswitch;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.netback.packet.Frame;

/// An observer that puts down what it is shown. Any thread.
class Witness implements Observer {
  /// @param point where it was seen
  /// @param what the decision or the reason; nothing elsewhere
  /// @param octets private and within the snap length
  @SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
  record Seen(
      String point, String port, int queue, long number, int length, byte[] octets, String what) {}

  private final int snapLength;
  private final List<Seen> seen = new ArrayList<>();

  Witness(int snapLength) {
    this.snapLength = snapLength;
  }

  @Override
  public String name() {
    return "witness";
  }

  @Override
  public int snapLength() {
    return snapLength;
  }

  @Override
  public void ingress(SwitchPort port, int queue, Frame frame) {
    put("ingress", port, queue, frame, "");
  }

  @Override
  public void forwarded(SwitchPort port, int queue, Frame frame, Forwarding decision) {
    put("forwarded", port, queue, frame, decision.toString());
  }

  @Override
  public void egress(SwitchPort port, int queue, Frame frame) {
    put("egress", port, queue, frame, "");
  }

  @Override
  public void dropped(SwitchPort port, int queue, Frame frame, DropReason reason) {
    put("dropped", port, queue, frame, reason.name());
  }

  @Override
  public void rejected(SwitchPort port, int queue, int length, String reason) {
    add(new Seen("rejected", port.name(), queue, 0, length, new byte[0], reason));
  }

  private synchronized void add(Seen one) {
    seen.add(one);
  }

  synchronized void put(String point, SwitchPort port, int queue, Frame frame, String what) {
    byte[] octets = new byte[Math.min(snapLength, frame.intact())];
    for (int i = 0; i < octets.length; i++) {
      octets[i] = frame.memory().get(ValueLayout.JAVA_BYTE, frame.offset() + i);
    }
    seen.add(new Seen(point, port.name(), queue, frame.number(), frame.length(), octets, what));
  }

  /// What came since the last call.
  synchronized List<Seen> take() {
    List<Seen> result = List.copyOf(seen);
    seen.clear();
    return result;
  }
}
