package org.netback.xen.embedded.memory;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.netback.xen.ground.Domids;

/// The memory of the domains that this process has mapped, by domid: one acquire load per look-up.
public final class MappedMemories {
  private final AtomicReferenceArray<DomainMemory> memories;

  public MappedMemories() {
    DomainMemory[] none = new DomainMemory[Domids.FIRST_RESERVED];
    Arrays.fill(none, DomainMemory.NONE);
    memories = new AtomicReferenceArray<>(none);
  }

  DomainMemory find(int domid) {
    return Domids.isDomain(domid) ? memories.getAcquire(domid) : DomainMemory.NONE;
  }

  public void put(int domid, DomainMemory memory) {
    memories.setRelease(domid, memory);
  }

  public void remove(int domid) {
    memories.setRelease(domid, DomainMemory.NONE);
  }
}
