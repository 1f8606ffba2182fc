package org.netback.vswitch;

import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;

/// Something that frames leave the switch by: a vif, a tap.
///
/// A port can stand in front of another and look at, lose or change what it is handed
/// ([SwitchPort#wrap]). It need not know where partial frames have their rest: it asks a frame for
/// what it reads ([org.netback.packet.Frame#need]), hands it on as it is, and takes partial frames
/// if the other does.
public interface Port {
  /// Unique within the daemon: `vif3.0`, `tap0`.
  String name();

  /// What the receiver takes off the switch's hands. Read once per batch; may change between
  /// batches.
  OffloadSet accepts();

  /// Whether frames may come whose octets are in part still with their sender
  /// ([org.netback.packet.FrameLender]), to be copied from there to the receiver without a stop in
  /// between. A port that says so asks a frame for what it reads of it, and pulls in the frames of
  /// lenders that it does not know. Any other port gets whole frames only.
  default boolean takesPartialFrames() {
    return false;
  }

  /// Hands frames to the receiver, in order. The frames are lent: they are copied or written before
  /// this returns. What is delivered and what is dropped is told to [#traffic()]. Called on the
  /// sending port's loop, so from several threads at a time; never blocks for long and throws
  /// nothing on account of a frame.
  void transmit(FrameBatch frames);

  /// What passes the port: one for the port's whole life.
  PortTraffic traffic();

  default PortCounters counters() {
    return traffic().counters();
  }
}
