package org.netback.xen.grant;

import java.io.IOException;

/// A domain's grant could not be mapped: the guest's fault, named by reference and status.
public final class GrantException extends IOException {
  private final int gref;
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
    this.gref = gref;
    this.status = status;
  }

  /// The reference that was refused, the first of several.
  public int gref() {
    return gref;
  }

  /// One of [GrantStatus].
  public short status() {
    return status;
  }
}
