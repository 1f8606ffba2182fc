package org.netback.xen.grant;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import org.netback.xen.grant.GrantTable.GrantMapping;

/// A mapping that is undone once.
final class MappedUntilClosed implements GrantMapping {
  private final MemorySegment memory;
  private final Runnable unmap;
  private final AtomicBoolean closed = new AtomicBoolean();

  MappedUntilClosed(MemorySegment memory, Runnable unmap) {
    this.memory = memory;
    this.unmap = unmap;
  }

  @Override
  public MemorySegment memory() {
    return memory;
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      unmap.run();
    }
  }
}
