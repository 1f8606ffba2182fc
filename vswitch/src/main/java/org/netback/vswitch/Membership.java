package org.netback.vswitch;

import java.util.Optional;

/// That a port is in a group, and a link in the list of its port's memberships, which runs from the
/// one that was not repeated for longest to the one repeated last. Everything under the lock of the
/// [MulticastTable].
final class Membership extends AgeLink<Membership> {
  private final MulticastGroup group;
  private final Optional<SwitchPort> port;

  /// When it ends if it is not repeated.
  long expiresAt;

  /// How often its port is still to be asked whether somebody is left, after one has left.
  int queriesLeft;

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

  @Override
  Membership self() {
    return this;
  }
}
