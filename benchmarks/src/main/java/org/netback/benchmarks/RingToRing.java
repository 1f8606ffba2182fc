package org.netback.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// How many frames a second go from one guest's tx rings through the backend and the switch to
/// another guest's rx rings, and how long one alone is under way, beside a backend in C that does
/// the least that the job allows. The guests are the same program, one thread, in both; rounds of
/// one and of the other alternate.
///
/// `RingToRing BINARY [ROUNDS [SECONDS [CASE…]]]`: BINARY is what `src/main/c/rings` compiles to; a
/// CASE is the start of a row's name, as `event:64:1`. Prints two tables in Markdown: medians of
/// the rounds, of the ratios too.
public final class RingToRing {
  private static final int[] LENGTHS = {64, 1500, 65514};
  private static final int[] QUEUES = {1, 2, 4};
  private static final double WARM_UP_SECONDS = 2;

  private final Path binary;
  private final int rounds;
  private final double seconds;

  private RingToRing(Path binary, int rounds, double seconds) {
    this.binary = binary;
    this.rounds = rounds;
    this.seconds = seconds;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    if (args.length < 1) {
      System.err.println("usage: RingToRing BINARY [ROUNDS [SECONDS [event:64:1 …]]]");
      System.exit(2);
    }
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 7;
    double seconds = args.length > 2 ? Double.parseDouble(args[2]) : 1;
    List<String> only = args.length > 3 ? List.of(args).subList(3, args.length) : List.of("");
    new RingToRing(Path.of(args[0]), rounds, seconds)
        .run(
            cases().stream()
                .filter(c -> only.stream().anyMatch(c.toString()::startsWith))
                .toList());
  }

  private static List<Workload> cases() {
    List<Workload> cases = new ArrayList<>();
    for (Mode mode : Mode.values()) {
      for (int length : LENGTHS) {
        for (int queues : QUEUES) {
          cases.add(new Workload(mode, length, queues, Workload.UNBOUNDED, true));
        }
      }
    }
    for (int length : LENGTHS) {
      cases.add(new Workload(Mode.POLL, length, 1, Workload.UNBOUNDED, false));
    }
    for (Mode mode : Mode.values()) {
      cases.add(new Workload(mode, 64, 1, 1, true));
    }
    return cases;
  }

  private void run(List<Workload> cases) throws IOException, InterruptedException {
    // The compiler sees all sorts of frames before the first row, as in a daemon that has run for a
    // while, so that a row does not depend on those before it.
    for (int length : LENGTHS) {
      measure(
          new Workload(Mode.EVENT, length, 2, Workload.UNBOUNDED, true), new Side(), new Side(), 0);
    }
    System.out.println(
        "| idle threads | octets | queues | learning | frames/s | C | ratio | backend CPU, ns/frame"
            + " | C | ratio | guests' CPU, ns/frame | C | guests ran | C | garbage, octets/frame"
            + " | frames per notification: of the backend, of the guests | lost |");
    System.out.println("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (Workload workload : cases) {
      if (workload.inFlight() > 1) {
        throughput(workload);
      }
    }
    System.out.println();
    System.out.println(
        "| idle threads | octets | one frame under way: p50, µs | C | ratio | p99, µs | C | ratio"
            + " | backend CPU, ns/frame | C | garbage, octets/frame |");
    System.out.println("|---|---|---|---|---|---|---|---|---|---|---|");
    for (Workload workload : cases) {
      if (workload.inFlight() == 1) {
        latency(workload);
      }
    }
  }

  private void throughput(Workload workload) throws IOException, InterruptedException {
    Side ours = new Side();
    Side limit = new Side();
    measure(workload, ours, limit, rounds);
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %d | %s | %,.0f | %,.0f | %.2f | %,.0f | %,.0f | %.2f | %,.0f | %,.0f | %.2f"
            + " | %.2f | %.3f | %,.0f, %,.0f | %,d |%n",
        workload.mode(),
        workload.octets(),
        workload.queues(),
        workload.learning() ? "yes" : "no",
        ours.median(Report::perSecond),
        limit.median(Report::perSecond),
        ours.ratio(limit, Report::perSecond),
        ours.backendNanos(),
        limit.backendNanos(),
        ours.backendRatio(limit),
        ours.median(Report::guestNanos),
        limit.median(Report::guestNanos),
        ours.median(Report::guestShare),
        limit.median(Report::guestShare),
        ours.garbage(),
        (double) ours.sum(Report::frames) / Math.max(1, ours.sum(Report::notified)),
        (double) ours.sum(Report::frames) / Math.max(1, ours.notifications()),
        ours.sum(Report::lost));
  }

  private void latency(Workload workload) throws IOException, InterruptedException {
    Side ours = new Side();
    Side limit = new Side();
    measure(workload, ours, limit, rounds);
    if (ours.sum(Report::lost) > 0) {
      throw new IllegalStateException(ours.sum(Report::lost) + " frames lost with one under way");
    }
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %,.0f | %,.0f | %.3f |%n",
        workload.mode(),
        workload.octets(),
        ours.median(Report::p50),
        limit.median(Report::p50),
        ours.ratio(limit, Report::p50),
        ours.median(Report::p99),
        limit.median(Report::p99),
        ours.ratio(limit, Report::p99),
        ours.backendNanos(),
        limit.backendNanos(),
        ours.garbage());
  }

  private void measure(Workload workload, Side ours, Side limit, int rounds)
      throws IOException, InterruptedException {
    try (Rig rig = new Rig(workload.mode());
        Guests guests = Guests.attach(binary, workload, rig.runDirectory())) {
      rig.connect(guests);
      rig.enterAddresses(guests, workload.learning());
      Report _ = guests.run(WARM_UP_SECONDS);
      for (int round = 0; round < rounds; round++) {
        limit.add(Guests.limit(binary, workload, seconds));
        ours.add(rig, guests, seconds);
      }
    }
  }
}
