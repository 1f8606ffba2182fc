package org.netback.loop.netty;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.netback.loop.Polled;

/// What a loop looks at for a while before it sleeps, and for how long.
///
/// A sleep and the wake-up after it cost both ends several microseconds, so it pays to look a
/// little longer if work is going to come in that time, and is a waste otherwise. Which of the two
/// it is, is learned: a sleep that was shorter than the most that may be lingered doubles the time
/// from [#LEAST_NANOS] on, a longer one halves it, down to nothing; so an idle loop does not
/// linger. A loop that lingered its longest in vain [#FAILURES] times without finding work in
/// between (whoever it waits for may need this very processor) gives it up for the next [#HOLD_OFF]
/// sleeps.
///
/// What has had no work for that time is armed and no longer looked at, however busy the others
/// are. Confined to the loop.
final class Lingering {
  /// Rounds of work that one poll does at most, so that tasks and descriptors have their turn
  /// however many rings are busy.
  static final int ROUNDS = 8;

  private static final long LEAST_NANOS = TimeUnit.MICROSECONDS.toNanos(2);
  private static final int FAILURES = 4;
  private static final int HOLD_OFF = 256;

  /// Looks between two looks at the clock and at descriptors, a microsecond or so.
  private static final int LOOKS = 32;

  /// In place of the time of the work, until the clock is read.
  private static final long JUST_NOW = Long.MAX_VALUE;

  private static final Polled NOTHING = new Nothing();

  private final long most;
  private final LongSupplier nanoClock;
  private final Consumer<Throwable> fault;
  private long span;
  private int failures;
  private int holdOff;

  private Polled[] polled = new Polled[8];
  private long[] workedAt = new long[8];
  private int count;

  /// Where the last look was, so that all have their turn.
  private int last;

  private final List<Polled> armed = new ArrayList<>();

  /// @param mostNanos never linger longer; 0 not to linger at all
  /// @param fault gets what is thrown by something that is looked at, which then is no longer
  Lingering(long mostNanos, LongSupplier nanoClock, Consumer<Throwable> fault) {
    most = mostNanos;
    this.nanoClock = nanoClock;
    this.fault = fault;
    Arrays.fill(polled, NOTHING);
  }

  boolean isEmpty() {
    return count == 0;
  }

  /// @return false if the loop does not linger now
  boolean add(Polled work, long now) {
    if (span == 0) {
      return false;
    }
    if (count == polled.length) {
      polled = Arrays.copyOf(polled, count * 2);
      workedAt = Arrays.copyOf(workedAt, count * 2);
    }
    polled[count] = work;
    workedAt[count++] = now;
    return true;
  }

  /// Looks at everything for a moment, and lets go of what had no work for too long. While all have
  /// work the clock is not read.
  ///
  /// @return rounds of work that were done, at most [#ROUNDS]
  int poll() {
    int rounds = 0;
    for (int look = 0; look < LOOKS && rounds == 0; look += Math.max(1, count)) {
      for (int left = count; left > 0 && rounds < ROUNDS; left--) {
        last = last < count - 1 ? last + 1 : 0;
        if (pollLast()) {
          rounds++;
          workedAt[last] = JUST_NOW;
        }
      }
      if (rounds == 0) {
        Thread.onSpinWait();
      }
    }
    if (rounds < count) {
      release(nanoClock.getAsLong());
    }
    if (rounds > 0) {
      failures = 0;
    } else if (count == 0 && span == most && ++failures == FAILURES) {
      failures = 0;
      span = 0;
      holdOff = HOLD_OFF;
    }
    return rounds;
  }

  private boolean pollLast() {
    int at = last;
    try {
      return polled[at].poll();
    } catch (Throwable e) {
      polled[at] = NOTHING;
      fault.accept(e);
      return false;
    }
  }

  private void release(long now) {
    int kept = 0;
    int looked = count;
    int next = last;
    for (int i = 0; i < looked; i++) {
      if (workedAt[i] == JUST_NOW) {
        workedAt[i] = now;
      }
      if (now - workedAt[i] < span) {
        workedAt[kept] = workedAt[i];
        polled[kept++] = polled[i];
      } else {
        armed.add(polled[i]);
        next -= i <= last ? 1 : 0;
      }
    }
    last = Math.max(0, next);
    Arrays.fill(polled, kept, looked, NOTHING);
    count = kept;
    // Last, since it may come back.
    for (int i = 0; i < armed.size(); i++) {
      try {
        armed.get(i).arm();
      } catch (Throwable e) {
        fault.accept(e);
      }
    }
    armed.clear();
  }

  /// The loop has slept.
  void slept(long nanos) {
    if (holdOff > 0) {
      holdOff--;
    } else if (nanos < most) {
      span = Math.min(most, Math.max(LEAST_NANOS, span * 2));
    } else {
      span = span < 2 * LEAST_NANOS ? 0 : span / 2;
    }
  }

  private static final class Nothing implements Polled {
    @Override
    public boolean poll() {
      return false;
    }

    @Override
    public void arm() {}
  }
}
