package org.netback.netif;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.netback.packet.Frame;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Forwarding;
import org.netback.vswitch.Observer;
import org.netback.vswitch.SwitchPort;

/// An observer that puts down what it is shown. Any thread.
final class Witness implements Observer {
  enum Point {
    INGRESS,
    FORWARDED,
    EGRESS,
    DROPPED,
    REJECTED
  }

  /// @param octets private and within the snap length
  /// @param what the decision or the reason; nothing elsewhere
  @SuppressWarnings("ArrayRecordComponent") // Compared by nobody.
  record Seen(
      Point point, String port, int queue, long number, int length, byte[] octets, String what) {}

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
    put(Point.INGRESS, port, queue, frame, "");
  }

  @Override
  public void forwarded(SwitchPort port, int queue, Frame frame, Forwarding decision) {
    put(Point.FORWARDED, port, queue, frame, decision.toString());
  }

  @Override
  public void egress(SwitchPort port, int queue, Frame frame) {
    put(Point.EGRESS, port, queue, frame, "");
  }

  @Override
  public void dropped(SwitchPort port, int queue, Frame frame, DropReason reason) {
    put(Point.DROPPED, port, queue, frame, reason.name());
  }

  @Override
  public void rejected(SwitchPort port, int queue, int length, String reason) {
    add(new Seen(Point.REJECTED, port.name(), queue, 0, length, new byte[0], reason));
  }

  private void put(Point point, SwitchPort port, int queue, Frame frame, String what) {
    byte[] octets = new byte[Math.min(snapLength, frame.intact())];
    for (int i = 0; i < octets.length; i++) {
      octets[i] = frame.memory().get(ValueLayout.JAVA_BYTE, frame.offset() + i);
    }
    add(new Seen(point, port.name(), queue, frame.number(), frame.length(), octets, what));
  }

  private synchronized void add(Seen one) {
    seen.add(one);
  }

  /// What came since the last call.
  synchronized List<Seen> take() {
    List<Seen> result = List.copyOf(seen);
    seen.clear();
    return result;
  }

  /// What came at one point since the last call; the rest is gone.
  List<Seen> take(Point point) {
    return take().stream().filter(one -> one.point() == point).toList();
  }
}
