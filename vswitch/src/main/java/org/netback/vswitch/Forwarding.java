package org.netback.vswitch;

/// What becomes of a frame. Decided from its addresses alone, then done by [Ingress]; every value
/// exists once, so that a decision costs no garbage.
sealed interface Forwarding {
  /// To the one port behind which the destination is. Each port has its only instance, so they are
  /// told apart by identity.
  final class Unicast implements Forwarding {
    private final SwitchPort egress;

    Unicast(SwitchPort egress) {
      this.egress = egress;
    }

    SwitchPort egress() {
      return egress;
    }
  }

  enum Flood implements Forwarding {
    /// To every port of the network but the one that it came from.
    ALL_BUT_INGRESS
  }

  enum Discard implements Forwarding {
    TOO_SHORT(DropReason.TOO_SHORT),
    SOURCE_INVALID(DropReason.SOURCE_INVALID),
    SAME_PORT(DropReason.SAME_PORT),
    BAD_OFFLOAD(DropReason.BAD_OFFLOAD);

    private final DropReason reason;

    Discard(DropReason reason) {
      this.reason = reason;
    }

    DropReason reason() {
      return reason;
    }
  }
}
