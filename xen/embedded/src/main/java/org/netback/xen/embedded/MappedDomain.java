package org.netback.xen.embedded;

import java.lang.foreign.MemorySegment;

/// A domain's memory as the ground and backends see it.
///
/// @param whole grant table and pages; empty only in [#NONE]
/// @param grantEntries how many references there are
/// @param firstPage the first frame that may be granted: those before are the table itself
/// @param pages how many frames may be granted
record MappedDomain(MemorySegment whole, int grantEntries, int firstPage, int pages) {
  static final MappedDomain NONE = new MappedDomain(MemorySegment.NULL, 0, 0, 0);

  static MappedDomain of(SharedMemory memory, DomainSize size) {
    return new MappedDomain(
        memory.whole(),
        GrantEntries.count(size.grantFrames()),
        size.grantFrames(),
        size.pages() + 1);
  }

  boolean isNone() {
    return pages == 0;
  }

  boolean hasPage(int frame) {
    return Integer.compareUnsigned(frame - firstPage, pages) < 0;
  }

  boolean isGone() {
    return !whole.scope().isAlive();
  }
}
