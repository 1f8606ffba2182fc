package org.netback.vswitch;

import java.time.Duration;
import java.util.List;

/// How a network treats multicast.
///
/// @param snooping whether a group's frames go to its members only (RFC 4541); if not, to all
/// @param querier whether the switch asks for members while nobody else does, without which
///   memberships are not repeated and nothing can be filtered
/// @param fastLeave whether a port is out of a group with the first leave that it sends, unasked:
///   right where there is one host behind each port
/// @param unregistered where frames to a group that nobody has joined go
/// @param queryInterval between two general queries
/// @param memberships the most in the network, each a port in a group
/// @param membershipsPerPort the most groups that one port is in
/// @param routerPorts names of the ports behind which multicast routers may be; empty if routers
///   are found by what they send, at any port
public record MulticastPolicy(
    boolean snooping,
    boolean querier,
    boolean fastLeave,
    Unregistered unregistered,
    Duration queryInterval,
    int memberships,
    int membershipsPerPort,
    List<String> routerPorts) {
  /// Bounds of the query interval.
  public static final Duration LEAST_QUERY_INTERVAL = Duration.ofSeconds(2);

  public static final Duration MOST_QUERY_INTERVAL = Duration.ofHours(8);

  public static final MulticastPolicy DEFAULT =
      new MulticastPolicy(
          true, true, false, Unregistered.FLOOD, Duration.ofSeconds(125), 4096, 256, List.of());

  /// Floods every group.
  public static final MulticastPolicy FLOOD =
      new MulticastPolicy(
          false, false, false, Unregistered.FLOOD, Duration.ofSeconds(125), 1, 1, List.of());

  private static final int MAX_MEMBERSHIPS = 1 << 20;

  /// Where frames to a group that nobody has joined go.
  public enum Unregistered {
    /// To all ports, as bridges do it.
    FLOOD,
    /// To the ports of multicast routers only (RFC 4541 2.1.2). A host that reports no membership
    /// is cut off from IPv6 neighbour discovery by this, since it is asked for its address at a
    /// solicited-node group (RFC 4861 7.2.2); it should report that, but some do not.
    ROUTERS,
    /// To the ports of multicast routers, except solicited-node groups (ff02::1:ff00:0/104), which
    /// go to all. Such a group that somebody has joined goes to its members, as any.
    ROUTERS_AND_ND
  }

  public MulticastPolicy {
    if (memberships < 1 || memberships > MAX_MEMBERSHIPS) {
      throw new IllegalArgumentException(
          "memberships: " + memberships + " is not 1.." + MAX_MEMBERSHIPS);
    }
    if (membershipsPerPort < 1) {
      throw new IllegalArgumentException("membershipsPerPort: " + membershipsPerPort + " < 1");
    }
    if (queryInterval.compareTo(LEAST_QUERY_INTERVAL) < 0
        || queryInterval.compareTo(MOST_QUERY_INTERVAL) > 0) {
      throw new IllegalArgumentException(
          "queryInterval: " + queryInterval + " is not 2 seconds to 8 hours");
    }
    routerPorts = List.copyOf(routerPorts);
  }

  /// How long a host may take to answer a general query.
  Duration responseTime() {
    Duration half = queryInterval.dividedBy(2);
    Duration usual = Duration.ofSeconds(10);
    return half.compareTo(usual) < 0 ? half : usual;
  }

  /// How long a membership lasts that is not repeated (RFC 3376 8.4): two queries may be lost.
  Duration membershipInterval() {
    return queryInterval.multipliedBy(2).plus(responseTime());
  }

  /// How long a querier or a router is believed to be there after it was heard (RFC 3376 8.5).
  Duration querierInterval() {
    return queryInterval.multipliedBy(2).plus(responseTime().dividedBy(2));
  }

  /// Whether multicast routers are behind a port of this name.
  PortPolicy.Router router(String port) {
    if (routerPorts.isEmpty()) {
      return PortPolicy.Router.IF_HEARD;
    }
    return routerPorts.contains(port) ? PortPolicy.Router.ALWAYS : PortPolicy.Router.NEVER;
  }
}
