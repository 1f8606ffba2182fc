package org.netback.xen.grant;

import java.lang.foreign.MemorySegment;

/// A batch of copies between granted pages and private memory, or from page to page
/// (public/grant_table.h, `struct gnttab_copy`), filled and reused without garbage.
///
/// ```
/// int head = copies.fromGuest(domid, gref, 0, 64, frame, 0);
/// copies.carryOut();
/// if (copies.hasFailures() && copies.status(head) != GrantStatus.OKAY) …
/// copies.clear();
/// ```
///
/// Copies are carried out in the order in which they were added, each when it is added or with
/// [#carryOut], whatever is cheaper on the ground: until that has returned, source and destination
/// must stay as they are, and nothing is known of what became of them.
///
/// A copy that would cross a granted page's border, or that its grant does not allow, fails alone.
///
/// Confined to one thread, or guarded by its owner's lock.
public interface GrantCopies {
  /// Adds a copy out of a granted page.
  ///
  /// @param offset in the page, in octets, 0 to 65535
  /// @return the copy's index, for [#status]: the number of those added before it
  /// @throws IllegalStateException if the batch is full
  int fromGuest(int domid, int gref, int offset, int length, MemorySegment local, long localOffset);

  /// Adds a copy into a granted page, as [#fromGuest] does.
  int toGuest(int domid, int gref, int offset, int length, MemorySegment local, long localOffset);

  /// Adds a copy from one granted page to another. If it fails, either may be to blame.
  int betweenGuests(
      int fromDomid,
      int fromGref,
      int fromOffset,
      int toDomid,
      int toGref,
      int toOffset,
      int length);

  /// Says that a copy out of a page is to come, so that the ground may have the page brought into
  /// the processor's cache meanwhile. Changes nothing, whatever the arguments.
  void expect(int domid, int gref, int offset);

  /// Has everything that was added done when it returns.
  ///
  /// @throws IllegalStateException if the ground refuses the batch, which is no guest's doing
  void carryOut();

  /// Whether a copy has failed, so that the statuses need a look.
  boolean hasFailures();

  /// What became of a copy, one of [GrantStatus].
  short status(int copy);

  int size();

  void clear();
}
