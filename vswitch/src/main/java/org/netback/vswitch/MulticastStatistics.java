package org.netback.vswitch;

/// What a network's snooping has seen and decided, read at one moment while traffic goes on.
///
/// @param network name of the network
/// @param groups that some port is in now
/// @param memberships ports in groups now, without those that guests list themselves
/// @param joined memberships that began
/// @param left those that a host or its port ended
/// @param aged those that were not repeated in time, or not when asked for
/// @param evicted those that had to go for those of a port with fewer of them
/// @param refused reports that began none, since the port or the network had its bound
/// @param malformed IGMP and MLD messages that were dropped
/// @param refusedQueries queries dropped because no router may be at their port
/// @param queries of our own sent, each port counted
public record MulticastStatistics(
    String network,
    int groups,
    int memberships,
    long joined,
    long left,
    long aged,
    long evicted,
    long refused,
    long malformed,
    long refusedQueries,
    long queries) {}
