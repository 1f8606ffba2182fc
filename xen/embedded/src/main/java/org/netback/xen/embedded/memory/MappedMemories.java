package org.netback.xen.embedded.memory;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;

/// The memory of the domains that this process has mapped, by domid: one acquire load per look-up.
public final class MappedMemories {
  /// Domids from here on have a meaning of their own (public/xen.h `DOMID_FIRST_RESERVED`).
  public static final int FIRST_RESERVED = 0x7ff0;

  private final AtomicReferenceArray<DomainMemory> memories;

  public MappedMemories() {
    DomainMemory[] none = new DomainMemory[FIRST_RESERVED];
    Arrays.fill(none, DomainMemory.NONE);
    memories = new AtomicReferenceArray<>(none);
  }

  DomainMemory find(int domid) {
    return domid >= 0 && domid < FIRST_RESERVED ? memories.getAcquire(domid) : DomainMemory.NONE;
  }

  public void put(int domid, DomainMemory memory) {
    memories.setRelease(domid, memory);
  }

  public void remove(int domid) {
    memories.setRelease(domid, DomainMemory.NONE);
  }
}
