package org.netback.benchmarks;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.netback.xen.ring.RingViolation;

/// Ring to ring, with the guests' pages mapped for good against a grant copy per slot, in turn.
///
/// `StaticGrants [ROUNDS [SECONDS]]`; prints a table in Markdown: medians of the rounds.
public final class StaticGrants {
  private static final int[] LENGTHS = {64, 1500, 65514};
  private static final double WARM_UP_SECONDS = 4;

  private StaticGrants() {}

  public static void main(String[] args) throws IOException, InterruptedException, RingViolation {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 5;
    double seconds = args.length > 1 ? Double.parseDouble(args[1]) : 1;
    System.out.println(
        "| guests | octets | grant copies: frames/s | mapped: frames/s | ratio |"
            + " backend CPU, ns/frame: grant copies | mapped | ratio |");
    System.out.println("|---|---|---|---|---|---|---|---|");
    for (RingToRing.Mode mode : RingToRing.Mode.values()) {
      for (int length : LENGTHS) {
        compare(mode, length, rounds, seconds);
      }
    }
  }

  private static void compare(RingToRing.Mode mode, int length, int rounds, double seconds)
      throws IOException, InterruptedException, RingViolation {
    RingToRing.Guests guests = new RingToRing.Guests(mode, 1);
    try (Rig copied = new Rig(length, 1, Rig.Grants.COPIED, guests::wake);
        Rig mapped = new Rig(length, 1, Rig.Grants.MAPPED, guests::wake)) {
      guests.drive(copied, WARM_UP_SECONDS);
      guests.drive(mapped, WARM_UP_SECONDS);
      Figures ofCopied = new Figures();
      Figures ofMapped = new Figures();
      for (int round = 0; round < rounds; round++) {
        ofCopied.add(guests, copied, seconds);
        ofMapped.add(guests, mapped, seconds);
      }
      long slots = mapped.receiving().queues().getFirst().rx().mappedCopies();
      if (slots == 0 || copied.receiving().queues().getFirst().rx().mappedCopies() > 0) {
        throw new IllegalStateException(slots + " slots were copied to mapped pages");
      }
      System.out.printf(
          Locale.ROOT,
          "| %s | %d | %,.0f | %,.0f | %.2f | %,.0f | %,.0f | %.2f |%n",
          mode,
          length,
          ofCopied.rate(),
          ofMapped.rate(),
          ofMapped.rate() / ofCopied.rate(),
          ofCopied.nanos(),
          ofMapped.nanos(),
          ofMapped.nanos() / ofCopied.nanos());
    }
  }

  private static final class Figures {
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final List<Double> rates = new ArrayList<>();
    private final List<Double> nanos = new ArrayList<>();

    void add(RingToRing.Guests guests, Rig rig, double seconds) throws RingViolation {
      long thread = rig.backendThread().threadId();
      long cpu = threads.getThreadCpuTime(thread);
      RingToRing.Result result = guests.drive(rig, seconds);
      rates.add(result.perSecond());
      nanos.add((double) (threads.getThreadCpuTime(thread) - cpu) / result.frames());
    }

    double rate() {
      return RingToRing.median(rates);
    }

    double nanos() {
      return RingToRing.median(nanos);
    }
  }
}
