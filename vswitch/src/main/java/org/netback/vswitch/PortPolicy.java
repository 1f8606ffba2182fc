package org.netback.vswitch;

/// What a port may do. A port is attached with one ([Network#attach(Port, PortPolicy)]), which can
/// be exchanged at any time ([SwitchPort#apply]). Immutable, and exchanged as a whole.
///
/// @param addresses the most addresses that are learned behind it
/// @param memberships the most groups that it is in
/// @param router whether multicast routers are behind it
public record PortPolicy(int addresses, int memberships, Router router) {
  public enum Router {
    /// If it sends what routers send.
    IF_HEARD,
    /// Whatever it sends.
    ALWAYS,
    /// Whatever it sends; what queriers send is refused from it.
    NEVER
  }

  public PortPolicy {
    if (addresses < 0) {
      throw new IllegalArgumentException("addresses: " + addresses + " < 0");
    }
    if (memberships < 0) {
      throw new IllegalArgumentException("memberships: " + memberships + " < 0");
    }
  }

  public PortPolicy withAddresses(int most) {
    return new PortPolicy(most, memberships, router);
  }

  public PortPolicy withMemberships(int most) {
    return new PortPolicy(addresses, most, router);
  }

  public PortPolicy withRouter(Router whether) {
    return new PortPolicy(addresses, memberships, whether);
  }
}
