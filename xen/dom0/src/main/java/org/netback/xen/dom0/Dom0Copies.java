package org.netback.xen.dom0;

import static org.netback.xen.dom0.Gntdev.COPY_COUNT;
import static org.netback.xen.dom0.Gntdev.COPY_SEGMENTS;
import static org.netback.xen.dom0.Gntdev.COPY_SIZE;
import static org.netback.xen.dom0.Gntdev.DEST_GREF;
import static org.netback.xen.dom0.Gntdev.FOREIGN_DOMID;
import static org.netback.xen.dom0.Gntdev.FOREIGN_OFFSET;
import static org.netback.xen.dom0.Gntdev.FOREIGN_REF;
import static org.netback.xen.dom0.Gntdev.SEGMENT_DEST;
import static org.netback.xen.dom0.Gntdev.SEGMENT_FLAGS;
import static org.netback.xen.dom0.Gntdev.SEGMENT_LEN;
import static org.netback.xen.dom0.Gntdev.SEGMENT_SIZE;
import static org.netback.xen.dom0.Gntdev.SEGMENT_SOURCE;
import static org.netback.xen.dom0.Gntdev.SEGMENT_STATUS;
import static org.netback.xen.dom0.Gntdev.SOURCE_GREF;
import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.netback.loop.libc.Errno;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.ground.Domids;

/// A batch as the argument of one `IOCTL_GNTDEV_GRANT_COPY`.
///
/// The kernel judges a whole batch before it copies some of it: one segment that crosses its page
/// makes it refuse the others too. Such a segment is a guest's doing, so it is sorted out here and
/// fails alone.
final class Dom0Copies implements GrantCopies {
  private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT;
  private static final ValueLayout.OfLong ADDRESS = ValueLayout.JAVA_LONG;

  private final DeviceFile gntdev;
  private final MemorySegment argument;
  private final MemorySegment segments;
  private final short[] statuses;
  private int size;
  private boolean failures;

  /// Which copy each of the argument's segments is.
  private final int[] origins;

  private int segmentCount;

  Dom0Copies(DeviceFile gntdev, int capacity) {
    Arena arena = Arena.ofAuto();
    this.gntdev = gntdev;
    this.argument = arena.allocate(COPY_SIZE, 8);
    this.segments = arena.allocate((long) capacity * SEGMENT_SIZE, 8);
    this.statuses = new short[capacity];
    this.origins = new int[capacity];
    argument.set(ADDRESS, COPY_SEGMENTS, segments.address());
  }

  @Override
  public int fromGuest(
      int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
    short judged = judge(domid, offset, length);
    if (judged == GrantStatus.OKAY) {
      long address = address(local, localOffset, length);
      long at = segment(length, SOURCE_GREF);
      putForeign(at + SEGMENT_SOURCE, domid, gref, offset);
      segments.set(ADDRESS, at + SEGMENT_DEST, address);
    }
    return put(judged);
  }

  @Override
  public int toGuest(
      int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
    short judged = judge(domid, offset, length);
    if (judged == GrantStatus.OKAY) {
      long address = address(local, localOffset, length);
      long at = segment(length, DEST_GREF);
      segments.set(ADDRESS, at + SEGMENT_SOURCE, address);
      putForeign(at + SEGMENT_DEST, domid, gref, offset);
    }
    return put(judged);
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
    short judged = judge(fromDomid, fromOffset, length);
    if (judged == GrantStatus.OKAY) {
      judged = judge(toDomid, toOffset, length);
    }
    if (judged == GrantStatus.OKAY) {
      long at = segment(length, (short) (SOURCE_GREF | DEST_GREF));
      putForeign(at + SEGMENT_SOURCE, fromDomid, fromGref, fromOffset);
      putForeign(at + SEGMENT_DEST, toDomid, toGref, toOffset);
    }
    return put(judged);
  }

  private static short judge(int domid, int offset, int length) {
    if (!Domids.isDomain(domid)) {
      return GrantStatus.BAD_DOMAIN;
    }
    if (offset < 0 || length < 0 || offset > PAGE_SIZE - length) {
      return GrantStatus.BAD_COPY_ARG;
    }
    return GrantStatus.OKAY;
  }

  /// Takes the next segment, without source and destination.
  ///
  /// @return where it is
  private long segment(int length, short flags) {
    if (size == statuses.length) {
      throw full();
    }
    long at = (long) segmentCount * SEGMENT_SIZE;
    segments.set(U16, at + SEGMENT_LEN, (short) length);
    segments.set(U16, at + SEGMENT_FLAGS, flags);
    segments.set(U16, at + SEGMENT_STATUS, GrantStatus.GENERAL_ERROR);
    origins[segmentCount++] = size;
    return at;
  }

  private void putForeign(long at, int domid, int gref, int offset) {
    segments.set(U32, at + FOREIGN_REF, gref);
    segments.set(U16, at + FOREIGN_OFFSET, (short) offset);
    segments.set(U16, at + FOREIGN_DOMID, (short) domid);
  }

  /// The kernel gets an address, so that what a segment would check is checked here.
  private static long address(MemorySegment memory, long offset, int length) {
    if (!memory.isNative() || !memory.scope().isAlive()) {
      throw new IllegalStateException("grant copy with memory that is not native, or is closed");
    }
    if (offset < 0 || offset > memory.byteSize() - length) {
      throw new IndexOutOfBoundsException(
          "grant copy of " + length + " octets at " + offset + " of " + memory.byteSize());
    }
    return memory.address() + offset;
  }

  /// Until the kernel has answered, a copy that it is to do has failed.
  private int put(short judged) {
    if (size == statuses.length) {
      throw full();
    }
    failures |= judged != GrantStatus.OKAY;
    statuses[size] = judged == GrantStatus.OKAY ? GrantStatus.GENERAL_ERROR : judged;
    return size++;
  }

  private IllegalStateException full() {
    return new IllegalStateException("a batch of " + size + " copies is full");
  }

  /// The pages are not mapped.
  @Override
  public void expect(int domid, int gref, int offset) {}

  /// {@inheritDoc}
  ///
  /// Then the statuses say failure for each copy of which it is not known.
  @Override
  public void carryOut() {
    int count = segmentCount;
    segmentCount = 0;
    if (count == 0) {
      return;
    }
    argument.set(U32, COPY_COUNT, count);
    int result = gntdev.ioctl(Gntdev.GRANT_COPY, argument);
    if (result < 0) {
      failures = true;
      throw new IllegalStateException(
          "IOCTL_GNTDEV_GRANT_COPY of " + count + " segments: " + Errno.name(-result));
    }
    for (int k = 0; k < count; k++) {
      short status = segments.get(U16, (long) k * SEGMENT_SIZE + SEGMENT_STATUS);
      statuses[origins[k]] = status;
      failures |= status != GrantStatus.OKAY;
    }
  }

  @Override
  public boolean hasFailures() {
    return failures;
  }

  @Override
  public short status(int copy) {
    return statuses[Objects.checkIndex(copy, size)];
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void clear() {
    size = 0;
    segmentCount = 0;
    failures = false;
  }
}
