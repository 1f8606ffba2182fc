package org.netback.xen.frontends;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.netback.xen.grant.GuestMemory;

/// A guest's memory whose pages the test reaches by grant reference.
final class HandMemory implements GuestMemory {
  final Map<Integer, MemorySegment> grants = new HashMap<>();
  final Set<Integer> readOnly = new HashSet<>();

  /// Every reference counts as mapped: revoking fails.
  boolean allMapped;

  int pagesInUse;
  private final Arena arena = Arena.ofConfined();
  private int nextGref = 8;

  @Override
  public int domid() {
    return 3;
  }

  @Override
  public MemorySegment allocate(int pages) {
    pagesInUse += pages;
    return arena.allocate(pages * 4096L, 4096);
  }

  @Override
  public void free(MemorySegment pages) {
    pagesInUse -= (int) (pages.byteSize() / 4096);
  }

  @Override
  public int grant(MemorySegment page, int toDomid, boolean ro) {
    int gref = nextGref++;
    grants.put(gref, page);
    if (ro) {
      readOnly.add(gref);
    }
    return gref;
  }

  @Override
  public boolean revoke(int gref) {
    if (allMapped) {
      return false;
    }
    readOnly.remove(gref);
    return grants.remove(gref) != null;
  }

  /// As when the domain is destroyed under its guest.
  void destroy() {
    arena.close();
  }

  MemorySegment page(int gref) {
    MemorySegment page = grants.get(gref);
    if (page == null) {
      throw new IllegalArgumentException("gref " + gref + " is not granted");
    }
    return page;
  }
}
