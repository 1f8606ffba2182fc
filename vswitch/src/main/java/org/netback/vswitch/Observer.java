package org.netback.vswitch;

import org.netback.packet.Frame;

/// Sees frames pass: a capture, a port mirror. It is shown a frame at four points:
/// - *ingress*: as it was read from the port's peer, before anything of it was judged;
/// - *forwarded*: as the switch has admitted it, with the decision where it goes, at the port that
///   it came from;
/// - *egress*: as the receiver has got it, at the receiver's port;
/// - *dropped*: with the reason, at the port where [DropReason] says that it is counted. What never
///   became a frame is *rejected*.
///
/// A frame has the same [Frame#number] at all points, on its way to several receivers too, and so
/// have the segments that are made of it. Of one frame, ingress comes before forwarded, and that
/// before egress and dropped. Frames that one queue brings are shown in their order.
///
/// **Threads.** Called on the threads that carry frames, so from several at a time, and under the
/// locks of queues. It does not wait, takes only locks whose holders do not wait, and calls nothing
/// of the switch or of its ports: who wants to send a frame on keeps a copy.
///
/// **What may be read.** The first [#snapLength()] octets of a frame, as far as it has them
/// ([Frame#intact]); nothing may be written, and nothing is kept beyond the call. An observer never
/// calls [Frame#need] or [Frame#pull]: the switch has done so before anything was decided, so that
/// what is shown is what is judged and delivered, and no second reading of it. What the snap length
/// does not cover is left with the sender, and goes from there to the receiver as without observer.
///
/// **What it throws** is recorded once, where the switch records its faults, and ends its
/// observation. Traffic goes on.
public interface Observer {
  /// In the place of a queue's number: the frame belonged to none yet, or to none any more.
  int NO_QUEUE = -1;

  /// For people: "capture 3".
  String name();

  /// How many octets of each frame it reads at most. Asked once, when the observation begins.
  /// Frames longer than a page are copied once more for an observer that wants more than their
  /// head.
  int snapLength();

  /// @param queue of the port
  default void ingress(SwitchPort port, int queue, Frame frame) {}

  /// @param queue of the port that the frame came from, which is this one
  default void forwarded(SwitchPort port, int queue, Frame frame, Forwarding decision) {}

  /// @param queue of the port, or [#NO_QUEUE]
  default void egress(SwitchPort port, int queue, Frame frame) {}

  /// @param queue of the port, or [#NO_QUEUE]
  default void dropped(SwitchPort port, int queue, Frame frame, DropReason reason) {}

  /// What the port's peer has sent and what is no frame. Nothing of it is private.
  ///
  /// @param queue of the port
  /// @param length in octets, as the peer said; of no further meaning
  /// @param reason the port's own word for it, a constant
  default void rejected(SwitchPort port, int queue, int length, String reason) {}
}
