package org.netback.xen.frontends;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GuestMemory;

/// Pages of the guest's, side by side, that are granted to the backend one by one. A connection's
/// are its [Offer]'s. One thread at a time.
public final class GuestPages {
  private static final int NOT_GRANTED = -1;

  private final GuestMemory memory;
  private final int toDomid;
  private final boolean readOnly;
  private final MemorySegment pages;
  private final MemorySegment[] page;
  private final int[] grefs;

  private GuestPages(GuestMemory memory, int count, int toDomid, boolean readOnly) {
    this.memory = memory;
    this.toDomid = toDomid;
    this.readOnly = readOnly;
    this.pages = memory.allocate(count);
    this.page = new MemorySegment[count];
    this.grefs = new int[count];
    Arrays.fill(grefs, NOT_GRANTED);
    for (int i = 0; i < count; i++) {
      page[i] = pages.asSlice((long) i * GrantTable.PAGE_SIZE, GrantTable.PAGE_SIZE);
    }
  }

  static GuestPages allocate(GuestMemory memory, int count, int toDomid, boolean readOnly) {
    return new GuestPages(memory, count, toDomid, readOnly);
  }

  /// All pages, for access by offset.
  public MemorySegment memory() {
    return pages;
  }

  public MemorySegment page(int index) {
    return page[index];
  }

  public int count() {
    return page.length;
  }

  /// The reference of a page, granted now if it is not yet.
  public int grant(int index) {
    if (grefs[index] == NOT_GRANTED) {
      grefs[index] = memory.grant(page[index], toDomid, readOnly);
    }
    return grefs[index];
  }

  public void grantAll() {
    for (int i = 0; i < page.length; i++) {
      grant(i);
    }
  }

  /// Ends the grant of a page, if there is one.
  ///
  /// @return false if the backend still has the page
  public boolean revoke(int index) {
    if (grefs[index] != NOT_GRANTED) {
      if (!memory.revoke(grefs[index])) {
        return false;
      }
      grefs[index] = NOT_GRANTED;
    }
    return true;
  }

  /// Revokes every grant and frees the pages. To be called again, later, until it succeeds.
  ///
  /// @return false if the backend still has one of the pages: nothing is freed
  boolean release() {
    if (!pages.scope().isAlive()) {
      // The domain was destroyed, and its memory with it.
      return true;
    }
    boolean all = true;
    for (int i = 0; i < page.length; i++) {
      all &= revoke(i);
    }
    if (all) {
      memory.free(pages);
    }
    return all;
  }
}
