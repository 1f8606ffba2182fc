package org.netback.xen.ring;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The indices of a ring as they lie in its first shared page (ring.h), for guests that write there
/// what they like.
public final class SharedIndices {
  private static final long REQ_PROD = 0;

  private SharedIndices() {}

  /// Claims that requests are there up to this one. An index that is more than the ring's size
  /// ahead of its responses breaks the ring.
  public static void putReqProd(MemorySegment page, int index) {
    page.set(ValueLayout.JAVA_INT, REQ_PROD, index);
  }
}
