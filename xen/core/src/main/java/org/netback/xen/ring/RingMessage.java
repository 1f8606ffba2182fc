package org.netback.xen.ring;

import java.lang.foreign.MemorySegment;

/// A request or a response: a record for one struct of a header under `xen/include/public/io`.
public interface RingMessage {
  /// Writes every octet of the struct, padding as zero.
  ///
  /// @param slot at least as long as the struct, never shared memory
  void writeTo(MemorySegment slot);
}
