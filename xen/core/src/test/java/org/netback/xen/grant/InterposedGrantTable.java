package org.netback.xen.grant;

import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;

/// A grant table with something that happens before each copy: after a slot was read, and before
/// the page that it names is. A copy of no octets fails the test: it would be an operation for
/// nothing, on a page that need not be there (XSA-448).
///
/// @param expected is told the reference of each page that is looked ahead at
public record InterposedGrantTable(GrantTable grants, Runnable beforeCopy, IntConsumer expected)
    implements GrantTable {
  public InterposedGrantTable(GrantTable grants, Runnable beforeCopy) {
    this(grants, beforeCopy, _ -> {});
  }

  @Override
  public GrantMapping map(int domid, int[] grefs, boolean readOnly) throws GrantException {
    return grants.map(domid, grefs, readOnly);
  }

  @Override
  public GrantCopies copies(int capacity) {
    return new InterposedCopies(grants.copies(capacity), beforeCopy, expected);
  }

  private record InterposedCopies(GrantCopies copies, Runnable before, IntConsumer expected)
      implements GrantCopies {
    private void happens(int length) {
      if (length <= 0) {
        throw new AssertionError("a copy of " + length + " octets");
      }
      before.run();
    }

    @Override
    public int fromGuest(
        int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
      happens(length);
      return copies.fromGuest(domid, gref, offset, length, local, localOffset);
    }

    @Override
    public int toGuest(
        int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
      happens(length);
      return copies.toGuest(domid, gref, offset, length, local, localOffset);
    }

    @Override
    public int betweenGuests(
        int fromDomid,
        int fromGref,
        int fromOffset,
        int toDomid,
        int toGref,
        int toOffset,
        int length) {
      happens(length);
      return copies.betweenGuests(
          fromDomid, fromGref, fromOffset, toDomid, toGref, toOffset, length);
    }

    @Override
    public void expect(int domid, int gref, int offset) {
      expected.accept(gref);
      copies.expect(domid, gref, offset);
    }

    @Override
    public void carryOut() {
      copies.carryOut();
    }

    @Override
    public boolean hasFailures() {
      return copies.hasFailures();
    }

    @Override
    public short status(int copy) {
      return copies.status(copy);
    }

    @Override
    public int size() {
      return copies.size();
    }

    @Override
    public void clear() {
      copies.clear();
    }
  }
}
