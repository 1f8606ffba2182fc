package org.netback.xen.grant;

import java.io.IOException;

/// A domain's grant could not be mapped: the guest's fault, named by reference and status.
public final class GrantException extends IOException {
  private final short status;

  public GrantException(int domid, int gref, short status, String what) {
    super(
        "map gref "
            + Integer.toUnsignedString(gref)
            + " of domain "
            + domid
            + ": "
            + what
            + " (GNTST "
            + status
            + ')');
    this.status = status;
  }

  /// One of [GrantStatus].
  public short status() {
    return status;
  }
}
