package org.netback.xen.frontends;

/// What a [Netfront] asks for. Whether it gets it depends on the backend: [NetfrontFeatures].
///
/// @param queues wanted, at least 1; the backend's `multi-queue-max-queues` bounds them
/// @param splitEventChannels wants one channel per ring (`feature-split-event-channels`)
/// @param scatterGather takes and sends frames of several slots (`feature-sg`)
/// @param gsoTcpv4 takes and sends TCP over IPv4 unsegmented (`feature-gso-tcpv4`)
/// @param gsoTcpv6 the same for IPv6 (`feature-gso-tcpv6`)
/// @param checksumIpv4 takes blank checksums in IPv4 (`feature-no-csum-offload` if not)
/// @param checksumIpv6 takes and sends blank checksums in IPv6 (`feature-ipv6-csum-offload`)
/// @param rxNotify tells the backend of new rx buffers (`feature-rx-notify`)
/// @param persistentGrants grants every buffer once for the connection; otherwise once per frame,
///   as Linux does, which notices a backend that still holds a page that it has answered
/// @param slotOctets data put into one tx slot, 64 to 4096: less than a page gives frames of many
///   slots
/// @param controlRing offers a control ring, to be used by [Netfront#control()]
/// @param staticGrants has the backend map every buffer for good, so that no frame costs it a grant
///   operation; needs the control ring and grants that persist
public record NetfrontOptions(
    int queues,
    boolean splitEventChannels,
    boolean scatterGather,
    boolean gsoTcpv4,
    boolean gsoTcpv6,
    boolean checksumIpv4,
    boolean checksumIpv6,
    boolean rxNotify,
    boolean persistentGrants,
    int slotOctets,
    boolean controlRing,
    boolean staticGrants) {

  /// Everything that Linux's netfront asks for, on one queue; grants persist, for speed.
  public static final NetfrontOptions LINUX =
      new NetfrontOptions(1, true, true, true, true, true, true, true, true, 4096, false, false);

  public NetfrontOptions {
    if (queues < 1 || slotOctets < 64 || slotOctets > 4096) {
      throw new IllegalArgumentException(queues + " queues, " + slotOctets + " octets per slot");
    }
    if (staticGrants && !(controlRing && persistentGrants)) {
      throw new IllegalArgumentException("static grants without a control ring or for one frame");
    }
  }

  public NetfrontOptions withQueues(int newQueues) {
    return new NetfrontOptions(
        newQueues,
        splitEventChannels,
        scatterGather,
        gsoTcpv4,
        gsoTcpv6,
        checksumIpv4,
        checksumIpv6,
        rxNotify,
        persistentGrants,
        slotOctets,
        controlRing,
        staticGrants);
  }

  public NetfrontOptions withSplitEventChannels(boolean wanted) {
    return new NetfrontOptions(
        queues,
        wanted,
        scatterGather,
        gsoTcpv4,
        gsoTcpv6,
        checksumIpv4,
        checksumIpv6,
        rxNotify,
        persistentGrants,
        slotOctets,
        controlRing,
        staticGrants);
  }

  public NetfrontOptions withScatterGather(boolean wanted) {
    return new NetfrontOptions(
        queues,
        splitEventChannels,
        wanted,
        gsoTcpv4,
        gsoTcpv6,
        checksumIpv4,
        checksumIpv6,
        rxNotify,
        persistentGrants,
        slotOctets,
        controlRing,
        staticGrants);
  }

  public NetfrontOptions withGso(boolean tcpv4, boolean tcpv6) {
    return new NetfrontOptions(
        queues,
        splitEventChannels,
        scatterGather,
        tcpv4,
        tcpv6,
        checksumIpv4,
        checksumIpv6,
        rxNotify,
        persistentGrants,
        slotOctets,
        controlRing,
        staticGrants);
  }

  public NetfrontOptions withChecksum(boolean ipv4, boolean ipv6) {
    return new NetfrontOptions(
        queues,
        splitEventChannels,
        scatterGather,
        gsoTcpv4,
        gsoTcpv6,
        ipv4,
        ipv6,
        rxNotify,
        persistentGrants,
        slotOctets,
        controlRing,
        staticGrants);
  }

  public NetfrontOptions withRxNotify(boolean wanted) {
    return new NetfrontOptions(
        queues,
        splitEventChannels,
        scatterGather,
        gsoTcpv4,
        gsoTcpv6,
        checksumIpv4,
        checksumIpv6,
        wanted,
        persistentGrants,
        slotOctets,
        controlRing,
        staticGrants);
  }

  public NetfrontOptions withPersistentGrants(boolean wanted) {
    return new NetfrontOptions(
        queues,
        splitEventChannels,
        scatterGather,
        gsoTcpv4,
        gsoTcpv6,
        checksumIpv4,
        checksumIpv6,
        rxNotify,
        wanted,
        slotOctets,
        controlRing,
        staticGrants);
  }

  public NetfrontOptions withSlotOctets(int octets) {
    return new NetfrontOptions(
        queues,
        splitEventChannels,
        scatterGather,
        gsoTcpv4,
        gsoTcpv6,
        checksumIpv4,
        checksumIpv6,
        rxNotify,
        persistentGrants,
        octets,
        controlRing,
        staticGrants);
  }

  public NetfrontOptions withControlRing(boolean wanted) {
    return new NetfrontOptions(
        queues,
        splitEventChannels,
        scatterGather,
        gsoTcpv4,
        gsoTcpv6,
        checksumIpv4,
        checksumIpv6,
        rxNotify,
        persistentGrants,
        slotOctets,
        wanted,
        staticGrants && wanted);
  }

  /// With static grants comes a control ring, by which they are told of.
  public NetfrontOptions withStaticGrants(boolean wanted) {
    return new NetfrontOptions(
        queues,
        splitEventChannels,
        scatterGather,
        gsoTcpv4,
        gsoTcpv6,
        checksumIpv4,
        checksumIpv6,
        rxNotify,
        persistentGrants,
        slotOctets,
        controlRing || wanted,
        wanted);
  }
}
