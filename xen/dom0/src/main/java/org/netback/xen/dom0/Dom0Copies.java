package org.netback.xen.dom0;

import static org.netback.xen.dom0.Gntdev.COPY_COUNT;
import static org.netback.xen.dom0.Gntdev.COPY_SEGMENTS;
import static org.netback.xen.dom0.Gntdev.COPY_SIZE;
import static org.netback.xen.dom0.Gntdev.FOREIGN_DOMID;
import static org.netback.xen.dom0.Gntdev.FOREIGN_OFFSET;
import static org.netback.xen.dom0.Gntdev.FOREIGN_REF;
import static org.netback.xen.dom0.Gntdev.SEGMENT_DEST;
import static org.netback.xen.dom0.Gntdev.SEGMENT_FLAGS;
import static org.netback.xen.dom0.Gntdev.SEGMENT_LEN;
import static org.netback.xen.dom0.Gntdev.SEGMENT_SIZE;
import static org.netback.xen.dom0.Gntdev.SEGMENT_SOURCE;
import static org.netback.xen.dom0.Gntdev.SEGMENT_STATUS;
import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.xen.grant.GrantCopy;
import org.netback.xen.grant.GrantStatus;

/// The argument of one `IOCTL_GNTDEV_GRANT_COPY`, reused without garbage. Confined to one thread.
///
/// The kernel judges a whole batch before it copies some of it: one segment that crosses its page
/// makes it refuse the others too. Such a segment is a guest's doing, so it is sorted out here and
/// fails alone.
final class CopySegments {
  /// More go into a further ioctl. A round of a queue has fewer.
  static final int CAPACITY = 512;

  private final MemorySegment argument;
  private final MemorySegment segments;

  /// Which segment of the batch each of the argument's is.
  private final int[] origins = new int[CAPACITY];

  private int size;

  CopySegments(Arena arena) {
    argument = arena.allocate(COPY_SIZE, 8);
    segments = arena.allocate((long) CAPACITY * SEGMENT_SIZE, 8);
    argument.set(ValueLayout.JAVA_LONG, COPY_SEGMENTS, segments.address());
  }

  /// Carries out all segments of a batch.
  ///
  /// @throws IllegalStateException the kernel refused; the statuses say failure for each segment of
  ///   which it is not known
  void copy(DeviceFile gntdev, GrantCopy batch) {
    int count = batch.size();
    size = 0;
    for (int i = 0; i < count; i++) {
      short judged = judge(batch, i);
      batch.setStatus(i, judged);
      if (judged == GrantStatus.OKAY) {
        add(batch, i);
        if (size == CAPACITY) {
          submit(gntdev, batch);
        }
      }
    }
    if (size > 0) {
      submit(gntdev, batch);
    }
  }

  private static short judge(GrantCopy batch, int i) {
    if (!Domids.isDomain(batch.domid(i))) {
      return GrantStatus.BAD_DOMAIN;
    }
    int offset = batch.offset(i);
    int length = batch.length(i);
    if (offset < 0 || length < 0 || offset > PAGE_SIZE - length) {
      return GrantStatus.BAD_COPY_ARG;
    }
    return GrantStatus.OKAY;
  }

  private void add(GrantCopy batch, int i) {
    long at = (long) size * SEGMENT_SIZE;
    int length = batch.length(i);
    long local = local(batch.local(i), batch.localOffset(i), length);
    boolean toGuest = batch.isToGuest(i);
    segments.set(
        ValueLayout.JAVA_LONG_UNALIGNED, at + (toGuest ? SEGMENT_SOURCE : SEGMENT_DEST), local);
    long foreign = at + (toGuest ? SEGMENT_DEST : SEGMENT_SOURCE);
    segments.set(ValueLayout.JAVA_INT_UNALIGNED, foreign + FOREIGN_REF, batch.gref(i));
    segments.set(
        ValueLayout.JAVA_SHORT_UNALIGNED, foreign + FOREIGN_OFFSET, (short) batch.offset(i));
    segments.set(ValueLayout.JAVA_SHORT_UNALIGNED, foreign + FOREIGN_DOMID, (short) batch.domid(i));
    segments.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + SEGMENT_LEN, (short) length);
    segments.set(
        ValueLayout.JAVA_SHORT_UNALIGNED,
        at + SEGMENT_FLAGS,
        toGuest ? Gntdev.DEST_GREF : Gntdev.SOURCE_GREF);
    segments.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + SEGMENT_STATUS, GrantStatus.GENERAL_ERROR);
    origins[size++] = i;
  }

  /// The kernel gets an address, so that what a segment would check is checked here.
  private static long local(MemorySegment memory, long offset, int length) {
    if (!memory.isNative() || !memory.scope().isAlive()) {
      throw new IllegalStateException("grant copy with memory that is not native, or is closed");
    }
    if (offset < 0 || offset > memory.byteSize() - length) {
      throw new IndexOutOfBoundsException(
          "grant copy of " + length + " octets at " + offset + " of " + memory.byteSize());
    }
    return memory.address() + offset;
  }

  private void submit(DeviceFile gntdev, GrantCopy batch) {
    int count = size;
    size = 0;
    argument.set(ValueLayout.JAVA_INT, COPY_COUNT, count);
    int result = gntdev.ioctl(Gntdev.GRANT_COPY, argument);
    for (int k = 0; k < count; k++) {
      short status =
          result < 0
              ? GrantStatus.GENERAL_ERROR
              : segments.get(
                  ValueLayout.JAVA_SHORT_UNALIGNED, (long) k * SEGMENT_SIZE + SEGMENT_STATUS);
      batch.setStatus(origins[k], status);
    }
    if (result < 0) {
      throw new IllegalStateException(
          "IOCTL_GNTDEV_GRANT_COPY of " + count + " segments: " + Errno.name(-result));
    }
  }
}
