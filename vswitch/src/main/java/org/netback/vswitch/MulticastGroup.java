package org.netback.vswitch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// A group that some port has joined, and the decision for its frames: to the members and to the
/// routers. An IPv4 group has the address of its IPv4-mapped IPv6 form.
///
/// Membership is asked for by all loops; it is changed under the lock of the [MulticastTable].
final class MulticastGroup implements Forwarding {
  private static final long[] NOBODY = {};

  /// What a look-up answers for a group that nobody has joined; compared by identity.
  static final MulticastGroup NONE = new MulticastGroup(0, 0, false);

  final long high;
  final long low;
  final boolean ipv6;

  /// Where it is in the table.
  long key;

  /// A bit per port index. Written anew, or once more, after each change, so that readers see it.
  private volatile long[] ports = NOBODY;

  private final List<Membership> members = new ArrayList<>();

  MulticastGroup(long high, long low, boolean ipv6) {
    this.high = high;
    this.low = low;
    this.ipv6 = ipv6;
  }

  /// Whether the port of this index is in the group.
  boolean has(int port) {
    long[] bits = ports;
    int word = port >>> 6;
    return word < bits.length && (bits[word] >>> port & 1) != 0;
  }

  boolean isEmpty() {
    return members.isEmpty();
  }

  List<Membership> members() {
    return members;
  }

  Optional<Membership> member(SwitchPort port) {
    for (Membership member : members) {
      if (member.port() == port) {
        return Optional.of(member);
      }
    }
    return Optional.empty();
  }

  void add(Membership member) {
    members.add(member);
    int index = member.port().index();
    long[] bits = ports;
    if (index >>> 6 >= bits.length) {
      bits = Arrays.copyOf(bits, (index >>> 6) + 1);
    }
    bits[index >>> 6] |= 1L << index;
    ports = bits;
  }

  void remove(Membership member) {
    members.remove(member);
    int index = member.port().index();
    long[] bits = ports;
    bits[index >>> 6] &= ~(1L << index);
    ports = bits;
  }

  @Override
  public String toString() {
    return GroupAddress.text(this);
  }
}
