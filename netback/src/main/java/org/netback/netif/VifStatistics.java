package org.netback.netif;

import java.util.List;
import java.util.Map;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.xen.bus.DeviceId;

/// A vif at one moment.
///
/// @param id names the device
/// @param settings what the toolstack wrote
/// @param network the switch's network that it belongs to
/// @param connected whether its guest's rings are served
/// @param carrier whether frames for the guest have a chance: it is connected, and not stalled
/// @param multicastControl whether the guest gets only the groups that it has listed itself
/// @param fromGuest the most that the guest may send
/// @param toGuest the most that the guest is sent
/// @param accepts what its guest takes off the switch's hands
/// @param hashing what its guest has chosen of it, for people
/// @param ingressFrames from the guest, since the vif appeared; likewise the next three
/// @param egressFrames to the guest
/// @param drops frames not delivered, by reason; reasons that occurred
/// @param queues of the connection that there is, or of the last one
public record VifStatistics(
    DeviceId id,
    BackendSettings settings,
    String network,
    boolean connected,
    boolean carrier,
    boolean multicastControl,
    Rate fromGuest,
    Rate toGuest,
    OffloadSet accepts,
    String hashing,
    long ingressFrames,
    long ingressOctets,
    long egressFrames,
    long egressOctets,
    Map<DropReason, Long> drops,
    List<QueueStatistics> queues) {
  public VifStatistics {
    drops = Map.copyOf(drops);
    queues = List.copyOf(queues);
  }
}
