package org.netback.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/// Ring to ring, with the guests' pages mapped for good against a grant copy per slot, in turn.
///
/// `StaticGrants BINARY [ROUNDS [SECONDS]]`; prints a table in Markdown: medians of the rounds.
public final class StaticGrants {
  private static final int[] LENGTHS = {64, 1500, 65514};
  private static final double WARM_UP_SECONDS = 4;

  private StaticGrants() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 7;
    double seconds = args.length > 2 ? Double.parseDouble(args[2]) : 1;
    System.out.println(
        "| idle threads | octets | grant copies: frames/s | mapped: frames/s | ratio |"
            + " backend CPU, ns/frame: grant copies | mapped | ratio |");
    System.out.println("|---|---|---|---|---|---|---|---|");
    for (Mode mode : new Mode[] {Mode.POLL, Mode.EVENT}) {
      for (int length : LENGTHS) {
        Workload workload = new Workload(mode, length, 1, Workload.UNBOUNDED, true);
        compare(Path.of(args[0]), workload, rounds, seconds);
      }
    }
  }

  private static void compare(Path binary, Workload workload, int rounds, double seconds)
      throws IOException, InterruptedException {
    Side ofCopied = new Side();
    Side ofMapped = new Side();
    try (Rig copyRig = new Rig(workload.mode());
        Rig mapRig = new Rig(workload.mode());
        Guests copied = Guests.attach(binary, workload, copyRig.runDirectory());
        Guests mapped = Guests.attach(binary, workload, mapRig.runDirectory())) {
      copyRig.connect(copied);
      copyRig.enterAddresses(copied, true);
      mapRig.connect(mapped);
      mapRig.enterAddresses(mapped, true);
      mapped.map();
      Report _ = copied.run(WARM_UP_SECONDS);
      Report _ = mapped.run(WARM_UP_SECONDS);
      for (int round = 0; round < rounds; round++) {
        ofCopied.add(copyRig, copied, seconds);
        ofMapped.add(mapRig, mapped, seconds);
      }
      if (mappedCopies(mapRig, mapped) == 0 || mappedCopies(copyRig, copied) > 0) {
        throw new IllegalStateException(
            mappedCopies(mapRig, mapped) + " slots were copied to mapped pages");
      }
    }
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %,.0f | %,.0f | %.2f | %,.0f | %,.0f | %.2f |%n",
        workload.mode(),
        workload.octets(),
        ofCopied.median(Report::perSecond),
        ofMapped.median(Report::perSecond),
        ofMapped.ratio(ofCopied, Report::perSecond),
        ofCopied.backendNanos(),
        ofMapped.backendNanos(),
        ofMapped.backendRatio(ofCopied));
  }

  /// Of what the receiving guest got.
  private static long mappedCopies(Rig rig, Guests guests) {
    return rig.statistics(guests.domids().get(1)).queues().getFirst().rx().mappedCopies();
  }
}
