package org.netback.xen.embedded;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;

/// The domains whose memory this process has mapped, by domid: one acquire load per look-up.
final class MappedDomains {
  /// Domids from here on have a meaning of their own (public/xen.h `DOMID_FIRST_RESERVED`).
  static final int FIRST_RESERVED = 0x7ff0;

  private final AtomicReferenceArray<MappedDomain> domains;

  MappedDomains() {
    MappedDomain[] none = new MappedDomain[FIRST_RESERVED];
    Arrays.fill(none, MappedDomain.NONE);
    domains = new AtomicReferenceArray<>(none);
  }

  MappedDomain find(int domid) {
    return domid >= 0 && domid < FIRST_RESERVED ? domains.getAcquire(domid) : MappedDomain.NONE;
  }

  void put(int domid, MappedDomain domain) {
    domains.setRelease(domid, domain);
  }

  void remove(int domid) {
    domains.setRelease(domid, MappedDomain.NONE);
  }
}
