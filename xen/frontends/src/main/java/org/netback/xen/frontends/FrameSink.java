package org.netback.xen.frontends;

import java.lang.foreign.MemorySegment;

/// Who uses a [Netfront]'s queues: gets the frames that the guest receives. All calls come on the
/// queue's loop.
public interface FrameSink {
  /// Octets in front of each received frame that the sink may write a header of its own into.
  int HEADROOM = 64;

  /// A frame for the guest, contiguous and private. Lent for the call.
  ///
  /// @param checksumBlank the TCP or UDP checksum holds the pseudo-header's sum only
  /// @param dataValidated the sender's side vouches for the data
  /// @param gsoType `XEN_NETIF_GSO_TYPE_*`
  /// @param gsoSize payload octets of a segment, 0 without gsoType
  void received(
      NetfrontQueue queue,
      MemorySegment memory,
      long offset,
      int length,
      boolean checksumBlank,
      boolean dataValidated,
      int gsoType,
      int gsoSize);

  /// No more frames for now: the place to [NetfrontQueue#flush] what was sent in answer.
  default void roundEnded(NetfrontQueue queue) {}

  /// After [SendResult#FULL] or [SendResult#DISCONNECTED]: the queue takes frames again.
  default void roomAgain(NetfrontQueue queue) {}
}
