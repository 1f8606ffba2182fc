package org.netback.vswitch;

/// Why a frame was not delivered. Counted per port: reasons of the ingress side at the port where
/// the frame came in, those of the egress side where it should have left.
public enum DropReason {
  /// Ingress: shorter than an Ethernet header.
  TOO_SHORT,
  /// Ingress: the source address has the group bit, or is zero.
  SOURCE_INVALID,
  /// Ingress: a page of the sender's could not be read when it was wanted (grant copy status).
  UNREADABLE,
  /// Ingress: the destination was learned at the port that it came from.
  SAME_PORT,
  /// Ingress: no other port in the network.
  NO_EGRESS,
  /// Ingress: its offload metadata and its headers contradict each other, so it can be neither
  /// segmented nor completed.
  BAD_OFFLOAD,
  /// Ingress: to one of the group addresses that no bridge forwards, 01:80:c2:00:00:00 to 0f (IEEE
  /// 802.1Q 8.6.3): spanning tree, pause, LACP, LLDP.
  RESERVED_GROUP,
  /// Ingress: an IGMP or MLD message that is malformed.
  BAD_MEMBERSHIP_MESSAGE,
  /// Ingress: an IGMP or MLD query from a port behind which no router may be.
  QUERY_REFUSED,
  /// Ingress: to a group that no other port wants.
  NO_LISTENER,
  /// Egress: to a group that is not on the receiver's own list.
  NOT_A_MEMBER,
  /// Egress: more than the receiver's rate.
  RATE_LIMITED,
  /// Egress: the receiver is not connected, or its link is down. Ingress: the sender was detached
  /// from the switch.
  PORT_DOWN,
  /// Egress: longer than the receiver takes, or than its MTU allows; or to be segmented into frames
  /// that are.
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
