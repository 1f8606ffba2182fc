package org.netback.netif;

import java.util.Map;

/// What one queue of a vif has done since its guest connected. Tx and rx are the guest's, as in
/// netif.h.
///
/// With one event channel for both rings, each notification from the guest counts on both, and as
/// spurious on the one that it was not about.
///
/// @param queue its number, from 0
public record QueueStatistics(int queue, Tx tx, Rx rx) {
  /// What came from the guest.
  ///
  /// @param frames forwarded to the switch
  /// @param octets of those frames
  /// @param rejected packets that were not even copied, by reason; reasons that occurred
  /// @param multicastRequests dummy requests that changed the list of multicast addresses, or would
  ///   have if it were not so already
  /// @param throttled how often the queue had to wait since the vif was over its rate
  /// @param copyFailures packets that could not be copied whole
  /// @param mappedCopies slots copied without a grant operation, their pages being mapped for good
  /// @param checksumFixups frames to be segmented whose checksum had to be blanked first
  /// @param events notifications from the guest
  /// @param spuriousEvents those that came with nothing new in the ring
  /// @param rounds in which there were requests
  /// @param notifications sent to the guest
  /// @param notificationsSaved slots answered without a notification of their own
  /// @param ring the indices
  public record Tx(
      long frames,
      long octets,
      Map<TxOutcome, Long> rejected,
      long multicastRequests,
      long throttled,
      long copyFailures,
      long mappedCopies,
      long checksumFixups,
      long events,
      long spuriousEvents,
      long rounds,
      long notifications,
      long notificationsSaved,
      RingIndices ring) {
    public Tx {
      rejected = Map.copyOf(rejected);
    }
  }

  /// What went to the guest.
  ///
  /// @param frames delivered
  /// @param octets of those frames
  /// @param copyFailures frames of which a buffer could not be written
  /// @param mappedCopies slots copied without a grant operation, their pages being mapped for good
  /// @param backlogged frames that had to wait for buffers
  /// @param events notifications from the guest
  /// @param spuriousEvents those that came with nothing new in the ring
  /// @param batches in which something was delivered
  /// @param notifications sent to the guest
  /// @param notificationsSaved slots answered without a notification of their own
  /// @param backlogFrames frames that wait now
  /// @param backlogOctets octets of those frames
  /// @param stalls how often the guest was found stalled
  /// @param stalled whether it is now
  /// @param ring the indices
  public record Rx(
      long frames,
      long octets,
      long copyFailures,
      long mappedCopies,
      long backlogged,
      long events,
      long spuriousEvents,
      long batches,
      long notifications,
      long notificationsSaved,
      int backlogFrames,
      int backlogOctets,
      long stalls,
      boolean stalled,
      RingIndices ring) {}

  /// The backend's private indices of a ring, unsigned and free-running.
  ///
  /// @param reqCons the next request that will be consumed
  /// @param rspProd the next response that will be put
  public record RingIndices(int reqCons, int rspProd) {
    @Override
    public String toString() {
      return "req_cons "
          + Integer.toUnsignedString(reqCons)
          + ", rsp_prod "
          + Integer.toUnsignedString(rspProd);
    }
  }
}
