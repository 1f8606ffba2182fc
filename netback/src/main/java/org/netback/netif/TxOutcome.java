package org.netback.netif;

/// What [TxAssembler] made of the slots of one packet.
///
/// The severities are Linux's, which frontends have been tested against for years: what an honest
/// but old or unlucky frontend may send costs it the packet, what no working frontend sends costs
/// it the device.
public enum TxOutcome {
  /// A packet whose data may be copied.
  PACKET(Severity.NONE, "a packet"),

  /// A dummy request for an address to be put on the guest's multicast list; no packet, and none
  /// that is bad, although it is empty.
  MULTICAST_ADD(Severity.NONE, "a multicast address to be listed"),
  /// A dummy request for an address to be taken off the list.
  MULTICAST_DEL(Severity.NONE, "a multicast address to be taken off the list"),

  /// An address that the list has no room for.
  MULTICAST_LIST_FULL(Severity.DROP, "a multicast address too many"),
  /// 20 or 21 slots of data: more than is served, but frontends have sent them.
  TOO_MANY_SLOTS(Severity.DROP, "more than 19 slots of data"),
  /// The fragments are longer together than the packet says it is: what frontends send whose packet
  /// has 64 KiB or more, since the size has 16 bits.
  FRAGMENTS_EXCEED_TOTAL(Severity.DROP, "fragments longer than their packet"),
  /// The first fragment is shorter than an Ethernet header.
  FIRST_FRAGMENT_TOO_SHORT(Severity.DROP, "a first fragment shorter than an Ethernet header"),

  /// 22 slots of data or more.
  FAR_TOO_MANY_SLOTS(Severity.FATAL, "more than 21 slots of data"),
  /// An extra is announced and the ring has no further request.
  EXTRA_MISSING(Severity.FATAL, "an extra was announced and is not there"),
  /// An extra of a type that netif.h does not define.
  EXTRA_UNKNOWN(Severity.FATAL, "an extra of unknown type"),
  /// More data is announced and the ring has no further request.
  DATA_MISSING(Severity.FATAL, "more data was announced and is not there"),
  /// A fragment reaches past the end of its page.
  FRAGMENT_CROSSES_PAGE(Severity.FATAL, "a fragment that crosses its page"),
  /// The packet is to be segmented into segments without payload.
  GSO_SIZE_ZERO(Severity.FATAL, "a segment size of 0"),
  /// The packet is to be segmented by a protocol that netif.h does not define.
  GSO_TYPE_UNKNOWN(Severity.FATAL, "segmentation of unknown type");

  private final Severity severity;

  private final String text;

  TxOutcome(Severity severity, String text) {
    this.severity = severity;
    this.text = text;
  }

  /// Whether the packet is answered with errors, and the ring goes on.
  public boolean isDrop() {
    return severity == Severity.DROP;
  }

  /// Whether nothing that follows in the ring can be believed, so that the device is disconnected.
  public boolean isFatal() {
    return severity == Severity.FATAL;
  }

  /// What was found, for an error node.
  public String text() {
    return text;
  }

  private enum Severity {
    NONE,
    DROP,
    FATAL
  }
}
