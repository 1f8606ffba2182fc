package org.netback.xen.grant;

import java.lang.foreign.MemorySegment;

/// A batch of copies between granted pages and private memory (public/grant_table.h, `struct
/// gnttab_copy`), filled and reused without garbage. Confined to one thread.
public final class GrantCopy {
  private final int[] domids;
  private final int[] grefs;
  private final int[] offsets;
  private final int[] lengths;
  private final boolean[] toGuest;
  private final MemorySegment[] locals;
  private final long[] localOffsets;
  private final short[] statuses;
  private int size;
  private boolean failures;

  public GrantCopy(int capacity) {
    domids = new int[capacity];
    grefs = new int[capacity];
    offsets = new int[capacity];
    lengths = new int[capacity];
    toGuest = new boolean[capacity];
    locals = new MemorySegment[capacity];
    localOffsets = new long[capacity];
    statuses = new short[capacity];
  }

  /// Adds a copy out of a granted page.
  ///
  /// @param offset in the page, in octets, 0 to 65535: whether the page is crossed is judged by the
  ///   copy
  /// @return the segment's index, for [#status]
  public int addFromGuest(
      int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
    return add(false, domid, gref, offset, length, local, localOffset);
  }

  /// Adds a copy into a granted page.
  public int addToGuest(
      int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
    return add(true, domid, gref, offset, length, local, localOffset);
  }

  private int add(
      boolean into,
      int domid,
      int gref,
      int offset,
      int length,
      MemorySegment local,
      long localOffset) {
    int i = size++;
    toGuest[i] = into;
    domids[i] = domid;
    grefs[i] = gref;
    offsets[i] = offset;
    lengths[i] = length;
    locals[i] = local;
    localOffsets[i] = localOffset;
    statuses[i] = GrantStatus.GENERAL_ERROR;
    return i;
  }

  public int size() {
    return size;
  }

  public boolean isFull() {
    return size == domids.length;
  }

  public int remaining() {
    return domids.length - size;
  }

  public void clear() {
    size = 0;
    failures = false;
  }

  public int domid(int i) {
    return domids[i];
  }

  public int gref(int i) {
    return grefs[i];
  }

  public int offset(int i) {
    return offsets[i];
  }

  public int length(int i) {
    return lengths[i];
  }

  public boolean isToGuest(int i) {
    return toGuest[i];
  }

  public MemorySegment local(int i) {
    return locals[i];
  }

  public long localOffset(int i) {
    return localOffsets[i];
  }

  /// What became of a segment, one of [GrantStatus]; an error until [GrantTable#copy] has run.
  public short status(int i) {
    return statuses[i];
  }

  /// Whether a segment has failed, so that the statuses need a look.
  public boolean hasFailures() {
    return failures;
  }

  /// For implementations of [GrantTable#copy], which take no failure back.
  public void setStatus(int i, short status) {
    statuses[i] = status;
    if (status != GrantStatus.OKAY) {
      failures = true;
    }
  }
}
