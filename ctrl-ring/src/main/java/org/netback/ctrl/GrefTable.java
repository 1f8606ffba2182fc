package org.netback.ctrl;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/// Mapped pages by grant reference: open addressing, half full at most, looked up without garbage.
/// Where a reference begins to look is spread by a random factor, so that no guest can choose
/// references that all begin at one place. Filled once, then immutable.
final class GrefTable {
  static final GrefTable EMPTY = new GrefTable(0);

  private static final byte FREE = 0;
  private static final byte WRITABLE = 1;
  private static final byte READ_ONLY = 2;

  private final int factor = ThreadLocalRandom.current().nextInt() | 1;
  private final int shift;
  private final int[] grefs;
  private final byte[] kinds;
  private final MemorySegment[] pages;

  /// @param entries how many will be put
  GrefTable(int entries) {
    int bits = Integer.SIZE - Integer.numberOfLeadingZeros(2 * entries);
    shift = Integer.SIZE - 1 - bits;
    grefs = new int[1 << bits];
    kinds = new byte[1 << bits];
    pages = new MemorySegment[1 << bits];
    Arrays.fill(pages, MemorySegment.NULL);
  }

  /// Adds a reference that is not there yet.
  void put(int gref, MemorySegment page, boolean readOnly) {
    int at = start(gref);
    while (kinds[at] != FREE) {
      at = at + 1 & grefs.length - 1;
    }
    grefs[at] = gref;
    pages[at] = page;
    kinds[at] = readOnly ? READ_ONLY : WRITABLE;
  }

  boolean isEmpty() {
    return this == EMPTY;
  }

  /// @return for [#page] and [#isReadOnly]; -1 if the reference is not there
  int find(int gref) {
    int at = start(gref);
    while (kinds[at] != FREE) {
      if (grefs[at] == gref) {
        return at;
      }
      at = at + 1 & grefs.length - 1;
    }
    return -1;
  }

  private int start(int gref) {
    return gref * factor >>> 1 >>> shift;
  }

  MemorySegment page(int at) {
    return pages[at];
  }

  boolean isReadOnly(int at) {
    return kinds[at] == READ_ONLY;
  }
}
