package org.netback.vswitch;

import org.netback.packet.MacAddress;

/// What a [MacTable] knows of one address, and a link in the list of its port's addresses, which
/// runs from the one that was not seen for longest to the one seen last.
///
/// The volatile fields are read by all loops; everything is written under the table's lock.
final class MacEntry extends AgeLink<MacEntry> {
  final MacAddress address;

  /// The address once more, for the look-up to compare without a detour.
  final long key;

  final boolean isStatic;

  /// To the port of the address; a flood once the entry is out of the table, so that whoever still
  /// holds it learns of that at the next frame.
  volatile Forwarding forwarding;

  /// Time of the last sighting, accurate to [MacTable#REFRESH_NANOS].
  volatile long seenAt;

  /// Moves since [#movesSince].
  volatile int moves;

  volatile long movesSince;

  /// Whether it is in the table.
  boolean linked;

  MacEntry(MacAddress address, SwitchPort port, long now, boolean isStatic) {
    this.address = address;
    this.key = address.value();
    this.forwarding = port.unicast();
    this.isStatic = isStatic;
    this.seenAt = now;
    this.movesSince = now;
  }

  /// The end of a port's list, and what a look-up answers for an address that is not in the table:
  /// the key is none that a station can have.
  private MacEntry() {
    this.address = new MacAddress(0);
    this.key = -1;
    this.forwarding = Forwarding.Flood.ALL_BUT_INGRESS;
    this.isStatic = false;
  }

  static MacEntry listEnd() {
    return new MacEntry();
  }

  /// The port of an entry that is linked.
  SwitchPort port() {
    if (forwarding instanceof Forwarding.Unicast to) {
      return to.egress();
    }
    throw new IllegalStateException(address + " is not in the table");
  }

  boolean isNone() {
    return key == -1;
  }

  @Override
  MacEntry self() {
    return this;
  }
}
