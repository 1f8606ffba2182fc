package org.netback.netif;

/// Which network a vif joins.
///
/// @param defaultNetwork for a vif whose backend directory has no `bridge` key, or an empty one
/// @param createUnknown whether a name that the switch does not know makes a new network; if not,
///   the device fails
public record NetworkPolicy(String defaultNetwork, boolean createUnknown) {
  /// As a single host without configuration wants it: "default", and whatever the toolstack names.
  public static final NetworkPolicy OPEN = new NetworkPolicy("default", true);
}
