package org.netback.vswitch;

import java.util.Optional;

/// That a port is in a group, and a link in the list of its port's memberships, which runs from the
/// one that was not repeated for longest to the one repeated last. Everything under the lock of the
/// [MulticastTable].
final class Membership {
  private final MulticastGroup group;
  private final Optional<SwitchPort> port;

  /// When it ends if it is not repeated.
  long expiresAt;

  /// How often its port is still to be asked whether somebody is left, after one has left.
  int queriesLeft;

  private Membership older = this;
  private Membership newer = this;

  Membership(MulticastGroup group, SwitchPort port) {
    this.group = group;
    this.port = Optional.of(port);
  }

  private Membership() {
    this.group = MulticastGroup.NONE;
    this.port = Optional.empty();
  }

  /// The end of a port's list.
  static Membership listEnd() {
    return new Membership();
  }

  MulticastGroup group() {
    return group;
  }

  SwitchPort port() {
    return port.orElseThrow();
  }

  /// The next one towards the newest; of a list end the oldest, or itself if the list is empty.
  Membership next() {
    return newer;
  }

  /// Of a list end: makes a membership that is in no list the newest of this one.
  void append(Membership membership) {
    membership.older = older;
    membership.newer = this;
    older.newer = membership;
    older = membership;
  }

  void unchain() {
    older.newer = newer;
    newer.older = older;
    older = this;
    newer = this;
  }
}
