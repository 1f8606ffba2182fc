package org.netback.xen.frontends;

import java.util.EnumSet;

/// What a [Netfront] asks for. Whether it gets it depends on the backend: [NetfrontFeatures].
/// Immutable.
public final class NetfrontOptions {
  /// Everything that Linux's netfront asks for, on one queue; grants persist, for speed.
  public static final NetfrontOptions LINUX =
      new NetfrontOptions(
          1, 4096, EnumSet.complementOf(EnumSet.of(Wish.CONTROL_RING, Wish.STATIC_GRANTS)));

  private enum Wish {
    SPLIT_EVENT_CHANNELS,
    SCATTER_GATHER,
    GSO_TCPV4,
    GSO_TCPV6,
    CHECKSUM_IPV4,
    CHECKSUM_IPV6,
    RX_NOTIFY,
    PERSISTENT_GRANTS,
    CONTROL_RING,
    STATIC_GRANTS
  }

  private final int queues;
  private final int slotOctets;
  private final EnumSet<Wish> wishes;

  private NetfrontOptions(int queues, int slotOctets, EnumSet<Wish> wishes) {
    if (queues < 1 || slotOctets < 64 || slotOctets > 4096) {
      throw new IllegalArgumentException(queues + " queues, " + slotOctets + " octets per slot");
    }
    if (wishes.contains(Wish.STATIC_GRANTS)
        && !wishes.containsAll(EnumSet.of(Wish.CONTROL_RING, Wish.PERSISTENT_GRANTS))) {
      throw new IllegalArgumentException("static grants without a control ring or for one frame");
    }
    this.queues = queues;
    this.slotOctets = slotOctets;
    this.wishes = wishes;
  }

  private NetfrontOptions with(Wish wish, boolean wanted) {
    EnumSet<Wish> changed = EnumSet.copyOf(wishes);
    if (wanted) {
      changed.add(wish);
    } else {
      changed.remove(wish);
    }
    return new NetfrontOptions(queues, slotOctets, changed);
  }

  /// Queues wanted, at least 1; the backend's `multi-queue-max-queues` bounds them.
  public int queues() {
    return queues;
  }

  public NetfrontOptions withQueues(int wanted) {
    return new NetfrontOptions(wanted, slotOctets, wishes);
  }

  /// Octets of data put into one tx slot, 64 to 4096: less than a page gives frames of many slots.
  public int slotOctets() {
    return slotOctets;
  }

  public NetfrontOptions withSlotOctets(int octets) {
    return new NetfrontOptions(queues, octets, wishes);
  }

  /// One channel per ring (`feature-split-event-channels`).
  public boolean splitEventChannels() {
    return wishes.contains(Wish.SPLIT_EVENT_CHANNELS);
  }

  public NetfrontOptions withSplitEventChannels(boolean wanted) {
    return with(Wish.SPLIT_EVENT_CHANNELS, wanted);
  }

  /// Takes and sends frames of several slots (`feature-sg`).
  public boolean scatterGather() {
    return wishes.contains(Wish.SCATTER_GATHER);
  }

  public NetfrontOptions withScatterGather(boolean wanted) {
    return with(Wish.SCATTER_GATHER, wanted);
  }

  /// Takes and sends TCP over IPv4 unsegmented (`feature-gso-tcpv4`).
  public boolean gsoTcpv4() {
    return wishes.contains(Wish.GSO_TCPV4);
  }

  /// The same for IPv6 (`feature-gso-tcpv6`).
  public boolean gsoTcpv6() {
    return wishes.contains(Wish.GSO_TCPV6);
  }

  public NetfrontOptions withGso(boolean tcpv4, boolean tcpv6) {
    return with(Wish.GSO_TCPV4, tcpv4).with(Wish.GSO_TCPV6, tcpv6);
  }

  /// Takes blank checksums in IPv4 (`feature-no-csum-offload` if not).
  public boolean checksumIpv4() {
    return wishes.contains(Wish.CHECKSUM_IPV4);
  }

  /// Takes and sends blank checksums in IPv6 (`feature-ipv6-csum-offload`).
  public boolean checksumIpv6() {
    return wishes.contains(Wish.CHECKSUM_IPV6);
  }

  public NetfrontOptions withChecksum(boolean ipv4, boolean ipv6) {
    return with(Wish.CHECKSUM_IPV4, ipv4).with(Wish.CHECKSUM_IPV6, ipv6);
  }

  /// Tells the backend of new rx buffers (`feature-rx-notify`).
  public boolean rxNotify() {
    return wishes.contains(Wish.RX_NOTIFY);
  }

  public NetfrontOptions withRxNotify(boolean wanted) {
    return with(Wish.RX_NOTIFY, wanted);
  }

  /// Grants every buffer once for the connection; otherwise once per frame, as Linux does, which
  /// notices a backend that still holds a page that it has answered.
  public boolean persistentGrants() {
    return wishes.contains(Wish.PERSISTENT_GRANTS);
  }

  public NetfrontOptions withPersistentGrants(boolean wanted) {
    return with(Wish.PERSISTENT_GRANTS, wanted);
  }

  /// Offers a control ring, to be used by [Netfront#control()].
  public boolean controlRing() {
    return wishes.contains(Wish.CONTROL_RING);
  }

  /// Without a control ring there are no static grants either.
  public NetfrontOptions withControlRing(boolean wanted) {
    return (wanted ? this : with(Wish.STATIC_GRANTS, false)).with(Wish.CONTROL_RING, wanted);
  }

  /// Has the backend map every buffer for good, so that no frame costs it a grant operation.
  public boolean staticGrants() {
    return wishes.contains(Wish.STATIC_GRANTS);
  }

  /// With static grants comes a control ring, by which they are told of; grants must persist.
  public NetfrontOptions withStaticGrants(boolean wanted) {
    return (wanted ? with(Wish.CONTROL_RING, true) : this).with(Wish.STATIC_GRANTS, wanted);
  }
}
