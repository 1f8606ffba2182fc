package org.netback.benchmarks.scale;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.netback.xen.ring.RingViolation;

/// What a frame of 64 octets costs from ring to ring by how many guests are connected and how many
/// addresses are known, and what an idle guest takes: one loop for the backend, one thread that
/// spins for all guests. All sizes are there at once and measured in turn, so that they can be
/// compared within a round. What lies off the heap is only told from it where the heap is resident
/// from the start (`-XX:+AlwaysPreTouch`).
///
/// `Scale DIRECTORY [ROUNDS [SECONDS]]`. Prints tables in Markdown, and writes them into the
/// directory with the data of a plot.
public final class Scale {
  private static final int[] GUESTS = {2, 16, 128, 512};
  private static final int[] ADDRESSES = {10, 10_000, 100_000};
  private static final double WARM_UP_SECONDS = 3;
  private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final double KIB = 1024;

  private final int rounds;
  private final double seconds;
  private final List<Crowd> crowds = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();

  /// One row, with what each round has given.
  private record Case(
      Crowd crowd,
      int talking,
      boolean scattered,
      List<Double> perSecond,
      List<Double> nanos,
      List<Long> lost) {

    Case(Crowd crowd, int talking, boolean scattered) {
      this(crowd, talking, scattered, new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    }
  }

  private Scale(int rounds, double seconds) {
    this.rounds = rounds;
    this.seconds = seconds;
  }

  public static void main(String[] args) throws IOException, InterruptedException, RingViolation {
    if (args.length < 1 || args.length > 3) {
      System.err.println("usage: scale DIRECTORY [ROUNDS [SECONDS]]");
      System.exit(2);
    }
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 5;
    double seconds = args.length > 2 ? Double.parseDouble(args[2]) : 1;
    Path out = Files.createDirectories(Path.of(args[0]));
    Scale scale = new Scale(rounds, seconds);
    try {
      scale.run(out);
    } finally {
      for (Crowd crowd : scale.crowds) {
        crowd.close();
      }
    }
    Files.writeString(out.resolve("scale.md"), scale.text);
    System.out.print(scale.text);
  }

  private void run(Path out) throws IOException, InterruptedException, RingViolation {
    idle();
    List<Case> byGuests = new ArrayList<>();
    for (int guests : GUESTS) {
      Crowd crowd = crowd(guests);
      byGuests.add(new Case(crowd, 2, false));
      if (guests > 2) {
        byGuests.add(new Case(crowd, guests, false));
      }
    }
    List<Case> byAddresses = new ArrayList<>();
    for (int addresses : ADDRESSES) {
      Crowd crowd = new Crowd();
      crowds.add(crowd);
      crowd.grow(2);
      crowd.learn(addresses);
      byAddresses.add(new Case(crowd, 2, false));
      byAddresses.add(new Case(crowd, 2, true));
    }
    measure(byGuests);
    measure(byAddresses);
    head(
        "guests connected",
        "that talk",
        "frames/s",
        "to 2",
        "backend CPU, ns/frame",
        "to 2",
        "lost");
    for (Case row : byGuests) {
      row(row, byGuests.get(0), Integer.toString(row.crowd.size()), Integer.toString(row.talking));
    }
    text.append('\n');
    head(
        "addresses known",
        "sent to",
        "frames/s",
        "to the fewest",
        "backend CPU, ns/frame",
        "to the fewest",
        "lost");
    for (int i = 0; i < byAddresses.size(); i++) {
      Case row = byAddresses.get(i);
      String known = String.format(Locale.ROOT, "%,d", row.crowd.addresses());
      row(row, byAddresses.get(i % 2), known, row.scattered ? "all, at random" : "one");
    }
    text.append('\n');
    Files.writeString(out.resolve("scale.dat"), data(byGuests) + "\n\n" + data(byAddresses));
  }

  private Crowd crowd(int guests) throws IOException, InterruptedException {
    for (Crowd crowd : crowds) {
      if (crowd.size() == guests) {
        return crowd;
      }
    }
    Crowd crowd = new Crowd();
    crowds.add(crowd);
    crowd.grow(guests);
    return crowd;
  }

  /// What guests take that do nothing: between the first fourth of the most, when all code has run
  /// and all that grows by doubling has done so, and all of them.
  private void idle() throws IOException, InterruptedException {
    int most = GUESTS[GUESTS.length - 1];
    Crowd crowd = new Crowd();
    crowds.add(crowd);
    crowd.grow(most / 4);
    Footprint before = Footprint.now();
    crowd.grow(most);
    Footprint after = Footprint.now();
    double guests = most - most / 4;
    double heap = (after.heap() - before.heap()) / KIB / guests;
    double outside = (after.anonymous() - before.anonymous()) / KIB / guests;
    long cpu = cpuNanos();
    double idleSeconds = 2;
    for (int second = 0; second < idleSeconds; second++) {
      crowd.age();
      TimeUnit.SECONDS.sleep(1);
    }
    double busy = (cpuNanos() - cpu) / 1e6 / idleSeconds;
    head(
        "an idle guest takes: heap, KiB",
        "off the heap, KiB",
        "its own memory with rings and buffers, KiB",
        "descriptors",
        "threads",
        "all " + most + " take: CPU, ms/s");
    cells(
        number("%.1f", heap),
        number("%.1f", outside),
        number("%.1f", (after.shared() - before.shared()) / KIB / guests),
        number("%.1f", (after.descriptors() - before.descriptors()) / guests),
        number("%.2f", (after.threads() - before.threads()) / guests),
        number("%.1f", busy));
    text.append('\n');
  }

  /// Of the whole process.
  private static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  private void measure(List<Case> cases) throws RingViolation {
    for (Case each : cases) {
      drive(each, WARM_UP_SECONDS);
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < cases.size(); i++) {
        Case each = cases.get((i + round) % cases.size());
        long loop = each.crowd.backendThread().threadId();
        long frames = each.crowd.frames();
        long lost = each.crowd.lost();
        long cpu = threads.getThreadCpuTime(loop);
        double took = drive(each, seconds);
        frames = each.crowd.frames() - frames;
        each.nanos.add((double) (threads.getThreadCpuTime(loop) - cpu) / frames);
        each.perSecond.add(frames / took);
        each.lost.add(each.crowd.lost() - lost);
      }
    }
  }

  /// @return the seconds until all that was sent had arrived
  private static double drive(Case what, double seconds) throws RingViolation {
    long start = System.nanoTime();
    long end = start + (long) (seconds * 1e9);
    long aged = start;
    long now = start;
    while (now < end) {
      if (!what.crowd.round(what.talking, what.scattered)) {
        Thread.onSpinWait();
      }
      now = System.nanoTime();
      if (now - aged > TimeUnit.SECONDS.toNanos(1)) {
        what.crowd.age();
        aged = now;
      }
    }
    // Rings are empty at the end as they were at the start, so that CPU time and frames belong
    // together: at 512 guests they hold a good part of what goes over in a second.
    long last = now;
    while (now - last < QUIET_NANOS) {
      if (what.crowd.take(what.talking)) {
        last = now;
      }
      now = System.nanoTime();
    }
    return (last - start) / 1e9;
  }

  private void row(Case row, Case base, String... first) {
    List<String> cells = new ArrayList<>(List.of(first));
    cells.add(number("%,.0f", median(row.perSecond)));
    cells.add(number("%.2f", ratio(row.perSecond, base.perSecond)));
    cells.add(number("%,.0f", median(row.nanos)));
    cells.add(number("%.2f", ratio(row.nanos, base.nanos)));
    cells.add(Long.toString(row.lost.stream().mapToLong(Long::longValue).sum()));
    cells(cells.toArray(String[]::new));
  }

  private void head(String... titles) {
    cells(titles);
    text.append("|---".repeat(titles.length)).append("|\n");
  }

  private void cells(String... cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  private static String data(List<Case> cases) {
    StringBuilder rows = new StringBuilder();
    for (Case each : cases) {
      rows.append(each.crowd.size())
          .append(' ')
          .append(each.talking)
          .append(' ')
          .append(each.crowd.addresses())
          .append(' ')
          .append(each.scattered ? 1 : 0)
          .append(' ')
          .append(median(each.perSecond))
          .append(' ')
          .append(median(each.nanos))
          .append('\n');
    }
    return rows.toString();
  }

  /// The median of the ratios within a round.
  private static double ratio(List<Double> values, List<Double> base) {
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < values.size(); i++) {
      ratios.add(values.get(i) / base.get(i));
    }
    return median(ratios);
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
