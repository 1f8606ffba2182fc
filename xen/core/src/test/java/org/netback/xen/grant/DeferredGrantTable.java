package org.netback.xen.grant;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/// A grant table that carries a batch out when it is asked to and not before, as a real Xen's does,
/// and may refuse to.
public record DeferredGrantTable(GrantTable grants, BooleanSupplier refuses) implements GrantTable {
  @Override
  public GrantMapping map(int domid, int[] grefs, boolean readOnly) throws GrantException {
    return grants.map(domid, grefs, readOnly);
  }

  @Override
  public GrantCopies copies(int capacity) {
    return new Deferred(grants.copies(capacity), refuses);
  }

  private static final class Deferred implements GrantCopies {
    private final GrantCopies copies;
    private final BooleanSupplier refuses;
    private final List<Runnable> waiting = new ArrayList<>();
    private int size;

    Deferred(GrantCopies copies, BooleanSupplier refuses) {
      this.copies = copies;
      this.refuses = refuses;
    }

    private int add(Runnable copy) {
      waiting.add(copy);
      return size++;
    }

    @Override
    public int fromGuest(
        int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
      return add(() -> copies.fromGuest(domid, gref, offset, length, local, localOffset));
    }

    @Override
    public int toGuest(
        int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
      return add(() -> copies.toGuest(domid, gref, offset, length, local, localOffset));
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
      return add(
          () ->
              copies.betweenGuests(
                  fromDomid, fromGref, fromOffset, toDomid, toGref, toOffset, length));
    }

    @Override
    public void expect(int domid, int gref, int offset) {}

    @Override
    public void carryOut() {
      if (refuses.getAsBoolean()) {
        waiting.clear();
        throw new IllegalStateException("refused");
      }
      waiting.forEach(Runnable::run);
      waiting.clear();
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
      return size;
    }

    @Override
    public void clear() {
      waiting.clear();
      copies.clear();
      size = 0;
    }
  }
}
