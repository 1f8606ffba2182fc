package org.netback.xen.dom0;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import org.netback.xen.grant.GrantCopy;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.grant.GrantTable.GrantMapping;

/// What it costs a backend on this host to get frames out of a guest's pages and into another's:
/// with a grant copy per slot, and with the pages mapped for good (netif.h's static grants). Dom0
/// grants the pages to itself, so it needs no guest.
///
/// Prints a Markdown table: CPU time of the thread in microseconds per frame, the median of
/// [#ROUNDS] rounds that take turns.
final class GrantCost {
  private static final int[] LENGTHS = {64, 1500, 65514};
  private static final int[] BATCHES = {1, 8, 64};
  private static final int PAGES = 256;
  private static final int ROUNDS = 5;
  private static final int SLOTS_PER_ROUND = 4096;

  private final GrantTable grants;
  private final MemorySegment mapped;
  private final int[] grefs;
  private final MemorySegment local = Arena.global().allocate(PAGES * (long) GrantTable.PAGE_SIZE);
  private final GrantCopy batch = new GrantCopy(PAGES);

  private GrantCost(GrantTable grants, MemorySegment mapped, int[] grefs) {
    this.grants = grants;
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
        "| octets | frames per batch | grant copies, µs/frame | mapped, µs/frame | ratio |");
    System.out.println("|---|---|---|---|---|");
    for (int length : LENGTHS) {
      for (int frames : BATCHES) {
        int slots = (length + GrantTable.PAGE_SIZE - 1) / GrantTable.PAGE_SIZE;
        if (frames * slots > PAGES) {
          continue;
        }
        double[] copied = new double[ROUNDS];
        double[] direct = new double[ROUNDS];
        // The first is for the compiler.
        for (int round = -1; round < ROUNDS; round++) {
          double one = perFrame(length, frames, slots, true);
          double other = perFrame(length, frames, slots, false);
          if (round >= 0) {
            copied[round] = one;
            direct[round] = other;
          }
        }
        Arrays.sort(copied);
        Arrays.sort(direct);
        double copy = copied[ROUNDS / 2];
        double map = direct[ROUNDS / 2];
        System.out.printf(
            Locale.ROOT,
            "| %d | %d | %.2f | %.2f | %.2f |%n",
            length,
            frames,
            copy,
            map,
            map / copy);
      }
    }
  }

  private double perFrame(int length, int frames, int slots, boolean byGrant) {
    int batches = Math.max(4, SLOTS_PER_ROUND / (frames * slots));
    long before = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    for (int i = 0; i < batches; i++) {
      if (byGrant) {
        copyByGrant(length, frames, slots);
      } else {
        copyMapped(length, frames, slots);
      }
    }
    long after = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    return (after - before) / 1e3 / ((double) batches * frames);
  }

  /// In, as a tx queue does it, and out, as an rx queue does: a call for each batch.
  private void copyByGrant(int length, int frames, int slots) {
    for (boolean out : new boolean[] {false, true}) {
      batch.clear();
      for (int i = 0; i < frames * slots; i++) {
        int part = part(length, slots, i);
        long at = i * (long) GrantTable.PAGE_SIZE;
        if (out) {
          batch.addToGuest(0, grefs[i], 0, part, local, at);
        } else {
          batch.addFromGuest(0, grefs[i], 0, part, local, at);
        }
      }
      grants.copy(batch);
      for (int i = 0; i < batch.size(); i++) {
        if (batch.status(i) != GrantStatus.OKAY) {
          throw new IllegalStateException("status " + batch.status(i) + " of segment " + i);
        }
      }
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
