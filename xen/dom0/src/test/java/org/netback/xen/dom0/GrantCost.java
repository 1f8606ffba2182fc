package org.netback.xen.dom0;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GrantTable.GrantMapping;

/// What it costs a backend on this host to get frames out of a guest's pages and into another's:
/// with a grant copy per slot, with the pages mapped for good (netif.h's static grants), and with
/// the first [#HEAD] octets copied in to decide by and out again, and a copy from page to page of
/// the rest. Dom0 grants the pages to itself, so it needs no guest.
///
/// Prints a Markdown table: CPU time of the thread in microseconds per frame, the median of
/// [#ROUNDS] rounds that take turns.
final class GrantCost {
  private static final int[] LENGTHS = {64, 1500, 65514};
  private static final int[] BATCHES = {1, 8, 64};
  private static final int PAGES = 512;
  private static final int HEAD = 128;
  private static final int ROUNDS = 5;
  private static final int SLOTS_PER_ROUND = 4096;

  private final MemorySegment mapped;
  private final int[] grefs;
  private final MemorySegment local = Arena.global().allocate(PAGES * (long) GrantTable.PAGE_SIZE);
  private final GrantCopies batch;

  private GrantCost(GrantTable grants, MemorySegment mapped, int[] grefs) {
    this.batch = grants.copies(PAGES);
    this.mapped = mapped;
    this.grefs = grefs;
  }

  public static void main(String[] args) throws IOException, GrantException {
    try (GntallocMemory guest = GntallocMemory.open(0);
        Dom0GrantTable grants = Dom0GrantTable.open()) {
      MemorySegment pages = guest.allocate(PAGES);
      int[] grefs = new int[PAGES];
      for (int i = 0; i < PAGES; i++) {
        grefs[i] =
            guest.grant(
                pages.asSlice(i * (long) GrantTable.PAGE_SIZE, GrantTable.PAGE_SIZE), 0, false);
      }
      long before = System.nanoTime();
      try (GrantMapping mapping = grants.map(0, grefs, false)) {
        double micros = (System.nanoTime() - before) / 1e3;
        new GrantCost(grants, mapping.memory(), grefs).measure();
        System.out.printf(Locale.ROOT, "mapping %d pages took %.0f µs%n", PAGES, micros);
      }
      for (int gref : grefs) {
        guest.revoke(gref);
      }
    }
  }

  private void measure() {
    System.out.println(
        "| octets | frames per batch | grant copies, µs/frame | mapped, µs/frame | ratio"
            + " | page to page, µs/frame | ratio |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (int length : LENGTHS) {
      for (int frames : BATCHES) {
        int slots = (length + GrantTable.PAGE_SIZE - 1) / GrantTable.PAGE_SIZE;
        // The other half of the pages is the receiver's.
        if (frames * slots > PAGES / 2) {
          continue;
        }
        double[][] micros = new double[Way.values().length][ROUNDS];
        // The first is for the compiler.
        for (int round = -1; round < ROUNDS; round++) {
          for (Way way : Way.values()) {
            double perFrame = perFrame(length, frames, slots, way);
            if (round >= 0) {
              micros[way.ordinal()][round] = perFrame;
            }
          }
        }
        double copied = median(micros[Way.COPIED.ordinal()]);
        double direct = median(micros[Way.PAGE_TO_PAGE.ordinal()]);
        double kept = median(micros[Way.MAPPED.ordinal()]);
        System.out.printf(
            Locale.ROOT,
            "| %d | %d | %.2f | %.2f | %.2f | %.2f | %.2f |%n",
            length,
            frames,
            copied,
            kept,
            kept / copied,
            direct,
            direct / copied);
      }
    }
  }

  private enum Way {
    COPIED,
    MAPPED,
    PAGE_TO_PAGE
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  private double perFrame(int length, int frames, int slots, Way way) {
    int batches = Math.max(4, SLOTS_PER_ROUND / (frames * slots));
    long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    for (int i = 0; i < batches; i++) {
      switch (way) {
        case COPIED -> copyByGrant(length, frames, slots);
        case MAPPED -> copyMapped(length, frames, slots);
        case PAGE_TO_PAGE -> copyPageToPage(length, frames, slots);
      }
    }
    long after = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    return (after - before) / 1e3 / ((double) batches * frames);
  }

  /// The heads in and out again, the rest from page to page: two calls, as with copies in and out.
  private void copyPageToPage(int length, int frames, int slots) {
    batch.clear();
    int head = Math.min(HEAD, length);
    for (int i = 0; i < frames; i++) {
      batch.fromGuest(0, grefs[i * slots], 0, head, local, i * (long) HEAD);
    }
    carryOut();
    batch.clear();
    for (int i = 0; i < frames * slots; i++) {
      int receiver = grefs[PAGES / 2 + i];
      int at = 0;
      if (i % slots == 0) {
        batch.toGuest(0, receiver, 0, head, local, i / slots * (long) HEAD);
        at = head;
      }
      if (at < part(length, slots, i)) {
        batch.betweenGuests(0, grefs[i], at, 0, receiver, at, part(length, slots, i) - at);
      }
    }
    carryOut();
  }

  private void carryOut() {
    batch.carryOut();
    for (int i = 0; i < batch.size(); i++) {
      if (batch.status(i) != GrantStatus.OKAY) {
        throw new IllegalStateException("status " + batch.status(i) + " of copy " + i);
      }
    }
  }

  /// In, as a tx queue does it, and out, as an rx queue does: a call for each batch.
  private void copyByGrant(int length, int frames, int slots) {
    for (boolean out : new boolean[] {false, true}) {
      batch.clear();
      for (int i = 0; i < frames * slots; i++) {
        int part = part(length, slots, i);
        long at = i * (long) GrantTable.PAGE_SIZE;
        if (out) {
          batch.toGuest(0, grefs[i], 0, part, local, at);
        } else {
          batch.fromGuest(0, grefs[i], 0, part, local, at);
        }
      }
      carryOut();
    }
  }

  private void copyMapped(int length, int frames, int slots) {
    for (int i = 0; i < frames * slots; i++) {
      long at = i * (long) GrantTable.PAGE_SIZE;
      MemorySegment.copy(mapped, at, local, at, part(length, slots, i));
    }
    for (int i = 0; i < frames * slots; i++) {
      long at = i * (long) GrantTable.PAGE_SIZE;
      MemorySegment.copy(local, at, mapped, at, part(length, slots, i));
    }
  }

  private static int part(int length, int slots, int slot) {
    int page = GrantTable.PAGE_SIZE;
    return slot % slots < slots - 1 ? page : length - (slots - 1) * page;
  }
}
