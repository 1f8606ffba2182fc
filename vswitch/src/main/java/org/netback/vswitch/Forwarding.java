package org.netback.vswitch;

/// What becomes of a frame. Decided from its addresses alone, then done by [Ingress]; every value
/// exists once, so that a decision costs no garbage. Its text is for people: a port, a group, or
/// how it is spread.
public sealed interface Forwarding
    permits Forwarding.Unicast, Forwarding.Flood, Forwarding.Discard, MulticastGroup {
  /// To the one port behind which the destination is. Each port has its only instance, so they are
  /// told apart by identity.
  final class Unicast implements Forwarding {
    private final SwitchPort egress;

    Unicast(SwitchPort egress) {
      this.egress = egress;
    }

    public SwitchPort egress() {
      return egress;
    }

    @Override
    public String toString() {
      return egress.name();
    }
  }

  enum Flood implements Forwarding {
    /// To every port of the network but the one that it came from.
    ALL_BUT_INGRESS,
    /// A group that all get, but those ports whose peers list what they want.
    MULTICAST,
    /// A group that nobody has joined: to routers.
    UNREGISTERED_IPV4,
    UNREGISTERED_IPV6,
    /// What hosts tell routers, and no other host is to hear.
    REPORT_IPV4,
    REPORT_IPV6
  }

  enum Discard implements Forwarding {
    TOO_SHORT(DropReason.TOO_SHORT),
    SOURCE_INVALID(DropReason.SOURCE_INVALID),
    SAME_PORT(DropReason.SAME_PORT),
    BAD_OFFLOAD(DropReason.BAD_OFFLOAD),
    RESERVED_GROUP(DropReason.RESERVED_GROUP),
    BAD_MEMBERSHIP_MESSAGE(DropReason.BAD_MEMBERSHIP_MESSAGE),
    QUERY_REFUSED(DropReason.QUERY_REFUSED);

    private final DropReason reason;

    Discard(DropReason reason) {
      this.reason = reason;
    }

    DropReason reason() {
      return reason;
    }
  }
}
