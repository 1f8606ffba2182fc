package org.netback.vswitch;

/// One line of a network's table of groups: a port that gets a group's frames.
///
/// @param group an IP address, or the MAC address if that is what was asked for; `*` for a port
///   that gets all groups
/// @param port name of the port
/// @param origin how it is known
/// @param expiresSeconds until it ends if it is not repeated; 0 for what does not end by itself
public record MulticastRow(String group, String port, Origin origin, long expiresSeconds) {
  /// How the switch knows that a port wants a group.
  public enum Origin {
    /// A host's report.
    IGMP,
    /// A host's report, for IPv6.
    MLD,
    /// The guest's own list, which decides alone.
    CONTROL,
    /// The guest's own list, while it does not ask for it to be applied.
    CONTROL_UNAPPLIED,
    /// A multicast router for IPv4 was heard there, or the operator says so.
    ROUTER_IPV4,
    /// The same for IPv6.
    ROUTER_IPV6,
    /// New: gets everything until its hosts have had the time to say what they want.
    SETTLING
  }
}
