package org.netback.xen.ring;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// The pages that both ends of a ring share (ring.h `struct __name##_sring`): four free-running
/// 32-bit indices at octets 0 to 15, and from octet 64 on a power of two of slots, each a request
/// or the response that took its place. Slots lie side by side across the pages' borders.
///
/// Only this package sees the shared memory. A slot is copied whole into private memory before
/// anyone looks at it, so that nothing is read twice (XSA-155).
final class RingPage {
  static final int PAGE_SIZE = 4096;

  /// What headers allow (blkif.h `max-ring-page-order`).
  private static final int MOST_PAGES = 16;

  private static final long REQ_PROD = 0;
  private static final long REQ_EVENT = 4;
  private static final long RSP_PROD = 8;
  private static final long RSP_EVENT = 12;
  private static final int SLOTS = 64;
  private static final VarHandle INDEX = ValueLayout.JAVA_INT.varHandle();

  private final MemorySegment page;
  private final int slotSize;
  private final int slotCount;

  /// @param page 1, 2, 4, 8 or 16 pages
  /// @param slotSize octets of a slot: the larger of the request's and the response's size
  RingPage(MemorySegment page, int slotSize) {
    long pages = page.byteSize() / PAGE_SIZE;
    if (page.byteSize() % PAGE_SIZE != 0
        || Long.bitCount(pages) != 1
        || pages > MOST_PAGES
        || slotSize < 8
        || slotSize % 4 != 0) {
      throw new IllegalArgumentException(
          "ring of " + page.byteSize() + " octets with slots of " + slotSize);
    }
    this.page = page;
    this.slotSize = slotSize;
    this.slotCount = Integer.highestOneBit(((int) page.byteSize() - SLOTS) / slotSize);
  }

  int slotSize() {
    return slotSize;
  }

  int slotCount() {
    return slotCount;
  }

  /// A frontend's first act (ring.h `SHARED_RING_INIT`): no messages, and both ends want the first
  /// one announced.
  void initialise() {
    page.fill((byte) 0);
    INDEX.setRelease(page, REQ_EVENT, 1);
    INDEX.setRelease(page, RSP_EVENT, 1);
  }

  int loadReqProdAcquire() {
    return (int) INDEX.getAcquire(page, REQ_PROD);
  }

  int loadReqEvent() {
    return (int) INDEX.getOpaque(page, REQ_EVENT);
  }

  int loadRspProdAcquire() {
    return (int) INDEX.getAcquire(page, RSP_PROD);
  }

  int loadRspEvent() {
    return (int) INDEX.getOpaque(page, RSP_EVENT);
  }

  void storeReqProdRelease(int value) {
    INDEX.setRelease(page, REQ_PROD, value);
  }

  void storeRspProdRelease(int value) {
    INDEX.setRelease(page, RSP_PROD, value);
  }

  void storeReqEvent(int value) {
    INDEX.setOpaque(page, REQ_EVENT, value);
  }

  void storeRspEvent(int value) {
    INDEX.setOpaque(page, RSP_EVENT, value);
  }

  /// Copies slots into private memory that is laid out as the ring, each octet once.
  ///
  /// @param count at most the ring's size
  /// @param slots words of all the ring's slots
  void copyOut(int index, int count, int[] slots) {
    int first = index & slotCount - 1;
    int untilEnd = Math.min(count, slotCount - first);
    copyOutRun(first, untilEnd, slots);
    copyOutRun(0, count - untilEnd, slots);
  }

  private void copyOutRun(int first, int count, int[] slots) {
    int words = slotSize / Integer.BYTES;
    MemorySegment.copy(
        page, ValueLayout.JAVA_INT, slotOffset(first), slots, first * words, count * words);
  }

  /// Copies slots out of private memory that is laid out as the ring, from the first to the last: a
  /// backend that is killed meanwhile leaves a beginning of them.
  void copyIn(int index, int count, int[] slots) {
    int first = index & slotCount - 1;
    int untilEnd = Math.min(count, slotCount - first);
    copyInRun(first, untilEnd, slots);
    copyInRun(0, count - untilEnd, slots);
  }

  private void copyInRun(int first, int count, int[] slots) {
    int words = slotSize / Integer.BYTES;
    MemorySegment.copy(
        slots, first * words, page, ValueLayout.JAVA_INT, slotOffset(first), count * words);
  }

  /// Copies the slot of an index into private memory, each word read once.
  void copyOut(int index, MemorySegment slot) {
    copyWords(page, slotOffset(index), slot, 0);
  }

  /// Copies private memory into the slot of an index.
  void copyIn(int index, MemorySegment slot) {
    copyWords(slot, 0, page, slotOffset(index));
  }

  /// Plain accesses suffice: the index that publishes a slot is loaded with acquire before and
  /// stored with release after. Written out, since a loop over a length that the compiler does not
  /// know, or a bulk copy, costs several times as much (every frame comes through here).
  private void copyWords(MemorySegment from, long fromOffset, MemorySegment to, long toOffset) {
    to.set(ValueLayout.JAVA_INT, toOffset, from.get(ValueLayout.JAVA_INT, fromOffset));
    to.set(ValueLayout.JAVA_INT, toOffset + 4, from.get(ValueLayout.JAVA_INT, fromOffset + 4));
    if (slotSize > 8) {
      to.set(ValueLayout.JAVA_INT, toOffset + 8, from.get(ValueLayout.JAVA_INT, fromOffset + 8));
      for (int i = 12; i < slotSize; i += 4) {
        to.set(ValueLayout.JAVA_INT, toOffset + i, from.get(ValueLayout.JAVA_INT, fromOffset + i));
      }
    }
  }

  private long slotOffset(int index) {
    return SLOTS + (long) (index & slotCount - 1) * slotSize;
  }
}
