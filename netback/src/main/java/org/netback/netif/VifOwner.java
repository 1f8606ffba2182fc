package org.netback.netif;

/// What a connection tells its vif. Called from the queues' loops and under their locks: returns at
/// once.
interface VifOwner {
  void failed(String message);

  /// [VifConnection#hasCarrier] may have changed.
  void carrierChanged();
}
