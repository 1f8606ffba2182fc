package org.netback.xen.embedded.memory;

import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/// The first pages of a domain's memory as its grant table (public/grant_table.h `struct
/// grant_entry_v1`): per reference 8 octets, u16 flags, u16 domid, u32 frame. Flags and domid are
/// one 32-bit word, which granter and ground change by compare-and-set; an entry is judged from one
/// 64-bit load, so that nothing can change between two looks at it.
///
/// The layout is little-endian, as every machine is that Xen runs on.
final class GrantEntries {
  static final int SIZE = 8;

  /// References below are the toolstack's own (`GNTTAB_NR_RESERVED_ENTRIES`).
  static final int RESERVED = 8;

  static final int PERMIT_ACCESS = 1;
  static final int TYPE_MASK = 3;
  static final int READONLY = 1 << 2;
  static final int READING = 1 << 3;
  static final int WRITING = 1 << 4;

  /// `GTF_sub_page`, of version 2 only; a mapping refuses it as Xen does.
  static final int SUB_PAGE = 1 << 8;

  private static final VarHandle ENTRY = ValueLayout.JAVA_LONG.varHandle();
  private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();

  private GrantEntries() {}

  static int count(int grantFrames) {
    return grantFrames * (PAGE_SIZE / SIZE);
  }

  /// For what nothing is decided by: many such loads may be under way at once.
  static long load(MemorySegment memory, int gref) {
    return (long) ENTRY.get(memory, (long) gref * SIZE);
  }

  static long loadAcquire(MemorySegment memory, int gref) {
    return (long) ENTRY.getAcquire(memory, (long) gref * SIZE);
  }

  static int flags(long entry) {
    return (int) entry & 0xffff;
  }

  static int domid(long entry) {
    return (int) (entry >>> 16) & 0xffff;
  }

  static int frame(long entry) {
    return (int) (entry >>> 32);
  }

  static int word(int flags, int domid) {
    return flags | domid << 16;
  }

  static int loadWordAcquire(MemorySegment memory, int gref) {
    return (int) WORD.getAcquire(memory, (long) gref * SIZE);
  }

  static boolean compareAndSetWord(MemorySegment memory, int gref, int expected, int value) {
    return WORD.compareAndSet(memory, (long) gref * SIZE, expected, value);
  }

  static void clearFlags(MemorySegment memory, int gref, int flags) {
    int _ = (int) WORD.getAndBitwiseAnd(memory, (long) gref * SIZE, ~flags);
  }

  /// The frame before the flags, which are what makes the entry valid.
  static void storeFrame(MemorySegment memory, int gref, int frame) {
    WORD.setOpaque(memory, (long) gref * SIZE + 4, frame);
  }

  static void storeWordRelease(MemorySegment memory, int gref, int word) {
    WORD.setRelease(memory, (long) gref * SIZE, word);
  }
}
