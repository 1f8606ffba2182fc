package org.netback.xen.ground;

/// Which numbers name a domain (public/xen.h): those from 0x7ff0 on have a meaning of their own in
/// the hypervisor, such as "myself", that nobody means here; larger ones would be cut to 16 bits.
public final class Domids {
  /// `DOMID_FIRST_RESERVED`.
  public static final int FIRST_RESERVED = 0x7ff0;

  private Domids() {}

  public static boolean isDomain(int domid) {
    return domid >= 0 && domid < FIRST_RESERVED;
  }
}
