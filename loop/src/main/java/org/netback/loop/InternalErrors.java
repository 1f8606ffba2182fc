package org.netback.loop;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/// Where everything goes that escapes a callback: exceptions that nobody expected, and the JVM's
/// own errors. Each is counted. Each is told to the log with the device, loop or thread it belongs
/// to, but one that repeats only once in ten seconds, with the number of those withheld meanwhile:
/// a guest may find a way to have it repeated.
///
/// An error repeats another if it has the same owner and class and was thrown at the same place. At
/// most 64 kinds are told apart at a time; more share one ration. Nothing recorded here throws. Any
/// thread.
public final class InternalErrors {
  /// An error of a kind is told once in this time.
  static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(10);

  /// Kinds that are told apart within the time.
  static final int MOST_KINDS = 64;

  private static final Logger LOGGER = System.getLogger(InternalErrors.class.getName());
  private static final Kind THE_REST = new Kind("", "", "");

  private final LongSupplier nanoClock;
  private final Consumer<Report> log;
  private final LongAdder count = new LongAdder();
  private final Ration<Kind, Occurrence> ration = new Ration<>(WINDOW_NANOS);

  /// What the log is told of an error.
  ///
  /// @param owner the device, loop or thread
  /// @param withheld errors of its kind that were not told since the one before
  public record Report(String owner, Throwable error, long withheld) {
    @Override
    public String toString() {
      return withheld == 0
          ? owner + ": internal error"
          : owner + ": internal error, and " + withheld + " more of its kind before";
    }
  }

  private record Kind(String owner, String type, String place) {}

  private record Occurrence(String owner, Throwable error) {}

  /// Tells the system's log.
  ///
  /// @param nanoClock as `System::nanoTime`
  public InternalErrors(LongSupplier nanoClock) {
    this(nanoClock, report -> LOGGER.log(Level.ERROR, report.toString(), report.error()));
  }

  /// @param log called by the thread that met the error
  public InternalErrors(LongSupplier nanoClock, Consumer<Report> log) {
    this.nanoClock = nanoClock;
    this.log = log;
  }

  /// Counts an error, and tells of it if it is not withheld.
  ///
  /// @param owner the device, loop or thread that it belongs to, for people
  public void record(String owner, Throwable error) {
    count.increment();
    try {
      long withheld = admit(owner, error);
      if (withheld >= 0) {
        log.accept(new Report(owner, error, withheld));
      }
    } catch (Throwable e) {
      // Memory is short, or the log itself fails. Whoever records wants to go on: the count has it.
      return;
    }
  }

  /// As the handler of a thread's uncaught exceptions.
  public void uncaught(Thread thread, Throwable error) {
    record("thread " + (thread.getName().isEmpty() ? thread : thread.getName()), error);
  }

  /// Tells of errors that were withheld and have not come again. To be called every second or so.
  public void tellWithheld() {
    List<Ration.Withheld<Occurrence>> all;
    synchronized (ration) {
      all = ration.over(nanoClock.getAsLong());
    }
    for (Ration.Withheld<Occurrence> withheld : all) {
      Occurrence last = withheld.last();
      log.accept(new Report(last.owner(), last.error(), withheld.count() - 1));
    }
  }

  /// Errors so far, those withheld included.
  public long count() {
    return count.sum();
  }

  /// @return how many of its kind were withheld before it, or -1 if it is withheld too
  private long admit(String owner, Throwable error) {
    StackTraceElement[] trace = error.getStackTrace();
    Kind kind =
        new Kind(owner, error.getClass().getName(), trace.length == 0 ? "" : trace[0].toString());
    long now = nanoClock.getAsLong();
    synchronized (ration) {
      if (!ration.knows(kind) && ration.size() >= MOST_KINDS) {
        kind = THE_REST;
      }
      return ration.admit(kind, new Occurrence(owner, error), now);
    }
  }
}
