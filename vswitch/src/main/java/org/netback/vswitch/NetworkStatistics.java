package org.netback.vswitch;

/// What a network has decided and learned, read at one moment while traffic goes on.
///
/// @param network name of the network
/// @param ports attached now
/// @param addresses in the table now, static ones included
/// @param unicastFrames sent to the one port of their destination
/// @param floodedFrames sent to all other ports: broadcast, unknown addresses, and groups that are
///   not known either
/// @param multicastFrames sent to the ports that want their group, or to routers; reports that only
///   the switch has heard among them
/// @param discardedFrames that went nowhere, by a decision of the switch
/// @param learned addresses, since the network was made
/// @param moved addresses from one port to another
/// @param aged addresses that were not seen for the table's age
/// @param evicted addresses that had to go for those of a port with fewer of them
/// @param refused frames whose source was not learned, since its port or the table had its bound
public record NetworkStatistics(
    String network,
    int ports,
    int addresses,
    long unicastFrames,
    long floodedFrames,
    long multicastFrames,
    long discardedFrames,
    long learned,
    long moved,
    long aged,
    long evicted,
    long refused) {}
