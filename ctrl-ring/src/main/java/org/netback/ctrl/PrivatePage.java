package org.netback.ctrl;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;

/// A private page for what lies at the beginning of a page that a request names: copied once, then
/// judged, so that what is judged is what is used. Confined to one thread at a time.
final class PrivatePage {
  private final int domid;
  private final MemorySegment memory = Arena.ofAuto().allocate(GrantTable.PAGE_SIZE, 8);
  private final GrantCopies copy;

  PrivatePage(GrantTable grants, int domid) {
    this.domid = domid;
    this.copy = grants.copies(1);
  }

  /// The private copy.
  MemorySegment memory() {
    return memory;
  }

  /// Copies the first octets of a page in; a grant for reading suffices.
  ///
  /// @param length 1 to 4096
  /// @return false if the guest's grant does not allow it
  boolean read(int gref, int length) {
    copy.fromGuest(domid, gref, 0, length, memory, 0);
    return carryOut();
  }

  /// Copies them back.
  boolean write(int gref, int length) {
    copy.toGuest(domid, gref, 0, length, memory, 0);
    return carryOut();
  }

  private boolean carryOut() {
    try {
      copy.carryOut();
      return copy.status(0) == GrantStatus.OKAY;
    } finally {
      copy.clear();
    }
  }
}
