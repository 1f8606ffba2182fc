package org.netback.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.netback.vswitch.DropReason;

/// How many copies of a group's frames a second go from one guest's tx ring to eight members' rx
/// rings, while a ninth guest, which has not joined, must get none: one loop for the backend, one
/// thread for all guests, which spins.
///
/// `Fanout BINARY [ROUNDS [SECONDS]]`. Prints a table in Markdown; the median of the rounds.
public final class Fanout {
  private static final int MEMBERS = 8;
  private static final int[] LENGTHS = {64, 1500};
  private static final double WARM_UP_SECONDS = 4;
  private static final long GROUP_ADDRESS = 0x0100_5e01_0101L;
  private static final byte[] GROUP = HexFormat.of().parseHex("ef010101");

  private Fanout() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 7;
    double seconds = args.length > 2 ? Double.parseDouble(args[2]) : 1;
    System.out.println(
        "| known by | octets | copies/s | backend CPU, ns/copy | garbage, octets/copy"
            + " | copies lost | leaked |");
    System.out.println("|---|---|---|---|---|---|---|");
    for (boolean control : new boolean[] {false, true}) {
      for (int length : LENGTHS) {
        Workload workload = new Workload(Mode.POLL, length, 1, Workload.UNBOUNDED, true);
        measure(Path.of(args[0]), workload, control, rounds, seconds);
      }
    }
  }

  /// @param control whether members list the group; otherwise they are known by their reports
  private static void measure(
      Path binary, Workload workload, boolean control, int rounds, double seconds)
      throws IOException, InterruptedException {
    Side side = new Side();
    try (Rig rig = new Rig(workload.mode());
        Guests guests = Guests.attachGroup(binary, workload, rig.runDirectory(), MEMBERS)) {
      if (control) {
        rig.connect(guests, "request-multicast-control");
      } else {
        rig.connect(guests);
      }
      settle(rig);
      for (int domid : guests.domids().subList(1, 1 + MEMBERS)) {
        if (control) {
          rig.port(domid).multicastFilter().add(GROUP_ADDRESS);
        } else {
          IgmpReport.send(rig.port(domid), GROUP);
        }
      }
      long leaked = guests.run(WARM_UP_SECONDS).leaked();
      for (int round = 0; round < rounds; round++) {
        side.add(rig, guests, seconds);
      }
      List<Integer> domids = guests.domids();
      System.out.printf(
          Locale.ROOT,
          "| %s | %d | %,.0f | %,.0f | %.3f | %,d | %d |%n",
          control ? "the guests' lists" : "IGMP reports",
          workload.octets(),
          side.median(Report::perSecond),
          side.backendNanos(),
          side.garbage(),
          domids.stream()
              .mapToLong(d -> rig.statistics(d).drops().getOrDefault(DropReason.BACKLOG_FULL, 0L))
              .sum(),
          leaked + side.sum(Report::leaked));
    }
  }

  /// Until every port has been asked for its groups and has had the time to answer.
  private static void settle(Rig rig) throws InterruptedException {
    for (int i = 0; i < 4; i++) {
      rig.age();
      TimeUnit.SECONDS.sleep(1);
    }
    rig.age();
  }
}
