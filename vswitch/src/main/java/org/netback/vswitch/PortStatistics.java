package org.netback.vswitch;

import java.util.Map;

/// What has passed a port of the switch, read at one moment while traffic goes on: sums of several
/// counters may be apart by the frames of the rounds that are under way.
///
/// @param port name of the port
/// @param network name of its network
/// @param drops by reason, those that occurred
/// @param addresses learned or entered behind this port now
/// @param learnRefusals frames whose source was not learned, since the port or the table had its
///   bound
/// @param moves stations that came to this port from another one
/// @param transmitFaults batches whose transmission ended in an exception, which is a bug of ours
public record PortStatistics(
    String port,
    String network,
    long ingressFrames,
    long ingressOctets,
    long egressFrames,
    long egressOctets,
    Map<DropReason, Long> drops,
    int addresses,
    long learnRefusals,
    long moves,
    long transmitFaults) {}
