package org.netback.benchmarks;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.netback.vswitch.DropReason;
import org.netback.xen.ring.RingViolation;

/// How many copies of a group's frames a second go from one guest's tx ring to eight members' rx
/// rings, while a ninth guest, which has not joined, must get none: one loop for the backend, one
/// thread for all guests, which spins.
///
/// `Fanout [ROUNDS [SECONDS]]`. Prints a table in Markdown; the median of the rounds.
public final class Fanout {
  private static final int MEMBERS = 8;
  private static final int[] LENGTHS = {64, 1500};
  private static final double WARM_UP_SECONDS = 4;

  private Fanout() {}

  public static void main(String[] args) throws Exception {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 5;
    double seconds = args.length > 1 ? Double.parseDouble(args[1]) : 2;
    System.out.println(
        "| known by | octets | copies/s | backend CPU, ns/copy | garbage, octets/copy | copies lost"
            + " | leaked |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (boolean control : new boolean[] {false, true}) {
      for (int length : LENGTHS) {
        measure(control, length, rounds, seconds);
      }
    }
  }

  private static void measure(boolean control, int length, int rounds, double seconds)
      throws Exception {
    List<Double> rates = new ArrayList<>();
    List<Double> nanos = new ArrayList<>();
    try (FanoutRig rig = new FanoutRig(length, MEMBERS, control)) {
      drive(rig, WARM_UP_SECONDS);
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long loop = rig.backendThread().threadId();
      long garbage = 0;
      long copies = 0;
      for (int round = 0; round < rounds; round++) {
        long allocated = threads.getThreadAllocatedBytes(loop);
        long cpu = threads.getThreadCpuTime(loop);
        long before = rig.copies();
        long start = System.nanoTime();
        drive(rig, seconds);
        long elapsed = System.nanoTime() - start;
        long got = rig.copies() - before;
        rates.add(got * 1e9 / elapsed);
        nanos.add((double) (threads.getThreadCpuTime(loop) - cpu) / got);
        garbage += threads.getThreadAllocatedBytes(loop) - allocated;
        copies += got;
      }
      System.out.printf(
          Locale.ROOT,
          "| %s | %d | %,.0f | %,.0f | %.3f | %d | %d |%n",
          control ? "the guests' lists" : "IGMP reports",
          length,
          RingToRing.median(rates),
          RingToRing.median(nanos),
          (double) garbage / copies,
          rig.drops(DropReason.BACKLOG_FULL),
          rig.leaked());
    }
  }

  private static void drive(FanoutRig rig, double seconds) throws RingViolation {
    long end = System.nanoTime() + (long) (seconds * 1e9);
    for (long rounds = 1; (rounds & 63) != 0 || System.nanoTime() < end; rounds++) {
      if (!rig.round()) {
        Thread.onSpinWait();
      }
    }
  }
}
