package org.netback.xen.grant;

import java.lang.foreign.MemorySegment;

/// A domain's own pages and its grant table: the side that grants. Any thread.
public interface GuestMemory {
  /// The domain that this memory belongs to.
  int domid();

  /// Zeroed pages, side by side.
  MemorySegment allocate(int pages);

  /// Takes pages back; every grant of them must have been revoked.
  void free(MemorySegment pages);

  /// Grants one page to another domain.
  ///
  /// @param page a page of this memory
  /// @return the grant reference
  /// @throws IllegalStateException if the grant table is full
  int grant(MemorySegment page, int toDomid, boolean readOnly);

  /// Ends a grant.
  ///
  /// @return false if the other side still has the page mapped: the grant stays
  boolean revoke(int gref);
}
