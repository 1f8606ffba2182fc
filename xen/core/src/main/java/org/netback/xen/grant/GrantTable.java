package org.netback.xen.grant;

import java.lang.foreign.MemorySegment;

/// Other domains' pages, as far as they granted them to this one.
public interface GrantTable {
  int PAGE_SIZE = 4096;

  /// Maps pages side by side, all or none.
  ///
  /// @throws GrantException if a reference is not granted to this domain, or not for writing
  GrantMapping map(int domid, int[] grefs, boolean readOnly) throws GrantException;

  /// A batch of copies, empty.
  ///
  /// @param capacity how many copies it can hold
  GrantCopies copies(int capacity);

  /// Pages of another domain, mapped until closed. Closing is idempotent, and ends every access: a
  /// later one throws IllegalStateException instead of touching what may be another's page by then.
  interface GrantMapping extends AutoCloseable {
    MemorySegment memory();

    @Override
    void close();

    /// A mapping whose end runs something, once.
    static GrantMapping of(MemorySegment memory, Runnable unmap) {
      return new MappedUntilClosed(memory, unmap);
    }
  }
}
