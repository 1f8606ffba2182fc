package org.netback.benchmarks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.netback.netif.QueueStatistics;
import org.netback.netif.VifStatistics;
import org.netback.xen.ring.RingViolation;

/// How many frames a second go from one guest's tx ring through the backend and the switch to
/// another guest's rx ring, with one loop for the backend and one thread for both guests, beside a
/// C program that does the least that the job allows, run in turn with it.
///
/// `RingToRing LIMIT [ROUNDS [SECONDS [CASE]]]`: LIMIT is the compiled `ringlimit.c`, CASE one row
/// alone, as `events:64:1`. Prints a table in Markdown: the median of the rounds, and the ratio to
/// C's median in the same run.
public final class RingToRing {
  private static final int[] LENGTHS = {64, 1500, 65514};
  private static final int[] QUEUES = {1, 2};
  private static final double WARM_UP_SECONDS = 4;

  private final String limit;
  private final int rounds;
  private final double seconds;
  private final String only;

  private RingToRing(String limit, int rounds, double seconds, String only) {
    this.limit = limit;
    this.rounds = rounds;
    this.seconds = seconds;
    this.only = only;
  }

  public static void main(String[] args) throws IOException, InterruptedException, RingViolation {
    if (args.length < 1 || args.length > 4) {
      System.err.println("usage: RingToRing LIMIT [ROUNDS [SECONDS [events:64:1]]]");
      System.exit(2);
    }
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 5;
    double seconds = args.length > 2 ? Double.parseDouble(args[2]) : 2;
    new RingToRing(args[0], rounds, seconds, args.length > 3 ? args[3] : "").run();
  }

  private void run() throws IOException, InterruptedException, RingViolation {
    System.out.println(
        "| guests | octets | queues | frames/s | C | ratio | backend CPU, ns/frame | C | ratio |"
            + " garbage, octets/frame | tx slots per notification: sent, received | lost |");
    System.out.println("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (Mode mode : Mode.values()) {
      for (int length : LENGTHS) {
        for (int queues : QUEUES) {
          if (only.isEmpty() || only.equals(mode + ":" + length + ':' + queues)) {
            measure(mode, length, queues);
          }
        }
      }
    }
  }

  private void measure(Mode mode, int length, int queues)
      throws IOException, InterruptedException, RingViolation {
    Guests guests = new Guests(mode, queues);
    List<Double> ours = new ArrayList<>();
    List<Double> ourNanos = new ArrayList<>();
    List<Limit> limits = new ArrayList<>();
    try (Rig rig = new Rig(length, queues, Rig.Grants.COPIED, guests::wake)) {
      guests.drive(rig, WARM_UP_SECONDS);
      ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
      long loop = rig.backendThread().threadId();
      long garbage = 0;
      long frames = 0;
      VifStatistics before = rig.sending();
      long notified = guests.notified();
      for (int round = 0; round < rounds; round++) {
        limits.add(limit(length, mode));
        // The guests start on empty rings again, so the loop's first rounds are not the limit's
        // noise.
        long allocated = threads.getThreadAllocatedBytes(loop);
        long cpu = threads.getThreadCpuTime(loop);
        Result result = guests.drive(rig, seconds);
        garbage += threads.getThreadAllocatedBytes(loop) - allocated;
        frames += result.frames();
        ourNanos.add((double) (threads.getThreadCpuTime(loop) - cpu) / result.frames());
        ours.add(result.perSecond());
      }
      VifStatistics after = rig.sending();
      long answered = answered(after) - answered(before);
      long notifications = Math.max(1, notifications(after) - notifications(before));
      long lost = 0;
      for (int i = 0; i < queues; i++) {
        lost += rig.sink(i).lost() + rig.source(i).failed();
      }
      double rate = median(ours);
      double limitRate = median(limits.stream().map(Limit::perSecond).toList());
      double nanos = median(ourNanos);
      double limitNanos = median(limits.stream().map(Limit::nanos).toList());
      System.out.printf(
          Locale.ROOT,
          "| %s | %d | %d | %,.0f | %,.0f | %.2f | %,.0f | %,.0f | %.2f | %.3f | %.0f, %.0f | %d"
              + " |%n",
          mode,
          length,
          queues,
          rate,
          limitRate,
          rate / limitRate,
          nanos,
          limitNanos,
          nanos / limitNanos,
          (double) garbage / frames,
          (double) answered / notifications,
          (double) answered / Math.max(1, guests.notified() - notified),
          lost);
    }
  }

  private static long answered(VifStatistics vif) {
    return vif.queues().stream()
        .mapToLong(queue -> queue.tx().notificationsSaved() + queue.tx().notifications())
        .sum();
  }

  private static long notifications(VifStatistics vif) {
    return vif.queues().stream()
        .map(QueueStatistics::tx)
        .mapToLong(QueueStatistics.Tx::notifications)
        .sum();
  }

  private Limit limit(int length, Mode mode) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                limit,
                Integer.toString(length),
                Double.toString(seconds),
                mode == Mode.POLLING ? "poll" : "event")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String line = new String(process.getInputStream().readAllBytes(), US_ASCII);
    if (process.waitFor() != 0) {
      throw new IOException(limit + " failed: " + line);
    }
    return new Limit(field(line, "frames_per_s"), field(line, "backend_ns_per_frame"));
  }

  private static double field(String line, String name) {
    return Double.parseDouble(line.replaceAll(".*\"" + name + "\": ([0-9.]+).*\\s*", "$1"));
  }

  static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  /// What the guests do when there is nothing to do. The backend always waits for events.
  enum Mode {
    POLLING,
    EVENTS;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// What C did in a round.
  ///
  /// @param nanos CPU time of the backend's thread per frame
  private record Limit(double perSecond, double nanos) {}

  record Result(long frames, double perSecond) {}

  /// Both guests, on the thread that calls [#drive].
  static final class Guests {
    private static final long NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final Mode mode;
    private final int queues;
    private volatile Thread sleeper = Thread.currentThread();
    private volatile boolean notified;
    private long notifications;

    Guests(Mode mode, int queues) {
      this.mode = mode;
      this.queues = queues;
    }

    void wake() {
      notified = true;
      LockSupport.unpark(sleeper);
    }

    /// How often the backend was notified.
    long notified() {
      return notifications;
    }

    Result drive(Rig rig, double seconds) throws RingViolation {
      sleeper = Thread.currentThread();
      long before = frames(rig);
      long start = System.nanoTime();
      long end = start + (long) (seconds * 1e9);
      long now = start;
      for (long rounds = 0; now < end; rounds++) {
        if (!round(rig)) {
          if (mode == Mode.POLLING) {
            Thread.onSpinWait();
          } else {
            sleep(rig);
          }
        }
        if ((rounds & 63) == 0 || mode == Mode.EVENTS) {
          now = System.nanoTime();
        }
      }
      long frames = frames(rig) - before;
      return new Result(frames, frames * 1e9 / (now - start));
    }

    private boolean round(Rig rig) throws RingViolation {
      boolean worked = false;
      for (int i = 0; i < queues; i++) {
        Push posted = rig.sink(i).round();
        if (posted == Push.NOTIFY) {
          rig.rxChannel(i).notifyPeer();
        }
        Push sent = rig.source(i).round();
        if (sent == Push.NOTIFY) {
          notifications++;
          rig.txChannel(i).notifyPeer();
        }
        worked |= posted != Push.NOTHING || sent != Push.NOTHING;
      }
      return worked;
    }

    private void sleep(Rig rig) throws RingViolation {
      notified = false;
      boolean work = false;
      for (int i = 0; i < queues; i++) {
        work |= rig.sink(i).finalCheck();
        work |= rig.source(i).finalCheck();
      }
      if (!work) {
        while (!notified) {
          // Bounded, since the run has to end even if a notification were lost.
          LockSupport.parkNanos(NAP_NANOS);
          if (!notified) {
            return;
          }
        }
      }
    }

    private long frames(Rig rig) {
      long frames = 0;
      for (int i = 0; i < queues; i++) {
        frames += rig.sink(i).frames();
      }
      return frames;
    }
  }
}
