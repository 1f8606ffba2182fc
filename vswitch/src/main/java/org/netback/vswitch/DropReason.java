package org.netback.vswitch;

/// Why a frame was not delivered. Counted per port: reasons of the ingress side at the port where
/// the frame came in, those of the egress side where it should have left.
public enum DropReason {
  /// Ingress: shorter than an Ethernet header.
  TOO_SHORT,
  /// Ingress: the source address has the group bit, or is zero.
  SOURCE_INVALID,
  /// Ingress: the destination was learned at the port that it came from.
  SAME_PORT,
  /// Ingress: no other port in the network.
  NO_EGRESS,
  /// Ingress: its offload metadata and its headers contradict each other, so it can be neither
  /// segmented nor completed.
  BAD_OFFLOAD,
  /// Egress: the receiver is not connected, or its link is down. Ingress: the sender was detached
  /// from the switch.
  PORT_DOWN,
  /// Egress: longer than the receiver takes.
  TOO_LONG,
  /// Egress: the receiver's backlog has its bound of octets.
  BACKLOG_FULL,
  /// Egress: waited too long for the receiver to give buffers.
  BACKLOG_EXPIRED,
  /// Egress: the receiver has not taken frames for so long that its carrier is off.
  STALLED,
  /// Egress: the receiver's buffer could not be written (grant copy status, write error).
  DELIVERY_FAILED
}
