package org.netback.ctrl;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;

/// The pages that one connection's guest has had mapped for good, queue by queue (io/netif.h,
/// "Static Grants").
///
/// A list is copied in once and judged whole. Adding is all or nothing: an entry that occurs twice
/// or is mapped already, an unknown flag, a reference that is not granted, or one page more than
/// there is room for refuses the list. Giving up is done entry by entry, and each entry's status is
/// written back before anything is unmapped: a list that cannot be written changes nothing.
///
/// Requests come one at a time.
public final class GrefControl {
  /// As many entries as a page holds.
  static final int MAX_ENTRIES = GrantTable.PAGE_SIZE / GrefEntry.SIZE;

  private final PrivatePage page;
  private final List<GrefMappings> queues;

  /// @param queues in the order of their numbers
  public GrefControl(GrantTable grants, int domid, List<GrefMappings> queues) {
    this.page = new PrivatePage(grants, domid);
    this.queues = List.copyOf(queues);
  }

  Answer size(int queue) {
    return isQueue(queue) ? Answer.of(GrefMappings.MAX_PAGES) : Answer.INVALID;
  }

  /// @param count of entries, unsigned
  Answer add(int queue, int listGref, int count) {
    if (!isQueue(queue) || Integer.compareUnsigned(count, MAX_ENTRIES) > 0) {
      return Answer.INVALID;
    }
    if (count == 0) {
      return Answer.DONE;
    }
    if (!page.read(listGref, count * GrefEntry.SIZE)) {
      return Answer.INVALID;
    }
    GrefMappings mappings = queues.get(queue);
    Set<Integer> seen = new HashSet<>();
    IntStream.Builder readOnly = IntStream.builder();
    IntStream.Builder writable = IntStream.builder();
    for (int i = 0; i < count; i++) {
      GrefEntry entry = entry(i);
      if ((entry.flags() & ~GrefEntry.READONLY) != 0
          || mappings.isMapped(entry.ref())
          || !seen.add(entry.ref())) {
        return Answer.INVALID;
      }
      (entry.readOnly() ? readOnly : writable).add(entry.ref());
    }
    return mappings.add(readOnly.build().toArray(), writable.build().toArray())
        ? Answer.DONE
        : Answer.INVALID;
  }

  /// @param count of entries, unsigned
  Answer delete(int queue, int listGref, int count) {
    if (!isQueue(queue) || Integer.compareUnsigned(count, MAX_ENTRIES) > 0) {
      return Answer.INVALID;
    }
    if (count == 0) {
      return Answer.DONE;
    }
    if (!page.read(listGref, count * GrefEntry.SIZE)) {
      return Answer.INVALID;
    }
    GrefMappings mappings = queues.get(queue);
    Set<Integer> removed = new HashSet<>();
    for (int i = 0; i < count; i++) {
      GrefEntry entry = entry(i);
      boolean known = mappings.isMapped(entry.ref()) && removed.add(entry.ref());
      int status = known ? CtrlResponse.STATUS_SUCCESS : CtrlResponse.STATUS_INVALID_PARAMETER;
      new GrefEntry(entry.ref(), entry.flags(), status)
          .writeTo(page.memory().asSlice((long) i * GrefEntry.SIZE, GrefEntry.SIZE));
    }
    if (!page.write(listGref, count * GrefEntry.SIZE)) {
      return Answer.INVALID;
    }
    if (!removed.isEmpty()) {
      mappings.remove(removed);
    }
    return Answer.of(removed.size());
  }

  private boolean isQueue(int queue) {
    return Integer.compareUnsigned(queue, queues.size()) < 0;
  }

  private GrefEntry entry(int i) {
    return GrefEntry.read(page.memory().asSlice((long) i * GrefEntry.SIZE, GrefEntry.SIZE));
  }
}
