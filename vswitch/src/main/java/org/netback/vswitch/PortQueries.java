package org.netback.vswitch;

/// What a [Querier] knows of one port: whether a multicast router is behind it, and whether its
/// hosts were asked which groups they are in and have had time to answer. Any thread.
final class PortQueries {
  private final RouterSighting routerIpv4 = new RouterSighting();
  private final RouterSighting routerIpv6 = new RouterSighting();

  /// Until when those who were asked have time, whether they were asked, and whether that time is
  /// over. Each is written before the next.
  private volatile long settlesAt;

  private volatile boolean asked;
  private volatile boolean settled;

  private static final class RouterSighting {
    /// Written before the other.
    volatile long until;

    volatile boolean valid;

    void expire(long now) {
      if (valid && now - until >= 0) {
        valid = false;
      }
    }
  }

  private RouterSighting router(boolean ipv6) {
    return ipv6 ? routerIpv6 : routerIpv4;
  }

  /// Whether a multicast router is behind the port.
  boolean isRouter(boolean ipv6) {
    return router(ipv6).valid;
  }

  void routerUntil(boolean ipv6, long time) {
    RouterSighting router = router(ipv6);
    router.until = time;
    router.valid = true;
  }

  /// Nanoseconds for which a router is still believed to be there.
  long routerLeft(boolean ipv6, long now) {
    return router(ipv6).until - now;
  }

  void expireRouter(long now) {
    routerIpv4.expire(now);
    routerIpv6.expire(now);
  }

  /// Whether nobody has asked yet which groups the hosts behind the port are in.
  boolean isToBeAsked() {
    return !asked;
  }

  void asked(long answeredBy) {
    if (!asked) {
      settlesAt = answeredBy;
      asked = true;
    }
  }

  void settle(long now) {
    if (asked && !settled && now - settlesAt >= 0) {
      settled = true;
    }
  }

  /// Whether what is known of the port's groups is all that there is to know.
  boolean isSettled() {
    return settled;
  }

  /// The hosts may be others by now.
  void reset() {
    settled = false;
    asked = false;
  }
}
