package org.netback.loop;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/// An event loop without a thread: the test runs its tasks and moves its clock. The thread that
/// made it is the loop's, between steps too; others may hand in tasks.
///
/// Unless the test has given it [InternalErrors] of its own, the loop fails the test: whoever
/// stepped it gets what escaped a callback, once everything else that was ready has run.
public final class SteppedLoop implements EventLoop {
  /// More tasks than this without rest means that they feed each other for ever.
  private static final int RESTLESS = 1_000_000;

  private final Thread thread = Thread.currentThread();
  private final Queue<Runnable> tasks = new ArrayDeque<>();
  private final PriorityQueue<HandTimer> timers =
      new PriorityQueue<>(
          Comparator.comparingLong((HandTimer t) -> t.due).thenComparingLong(t -> t.order));
  private final List<Polled> polled = new ArrayList<>();
  private final InternalErrors errors;
  private final Queue<InternalErrors.Report> escaped = new ConcurrentLinkedQueue<>();
  private boolean lingers;
  private long now;
  private long timersMade;

  /// Starts the clock at zero.
  public SteppedLoop() {
    this(0);
  }

  /// Starts the clock at a time of the caller's choice.
  public SteppedLoop(long startNanos) {
    now = startNanos;
    errors = new InternalErrors(this::nanoTime, escaped::add);
  }

  /// @param errors where the test looks for what escapes callbacks
  public SteppedLoop(InternalErrors errors) {
    this.errors = errors;
  }

  @Override
  public InternalErrors errors() {
    return errors;
  }

  @Override
  public synchronized void execute(Runnable task) {
    tasks.add(task);
  }

  @Override
  public synchronized Timer schedule(long delayNanos, Runnable task) {
    HandTimer timer = new HandTimer(now + Math.max(0, delayNanos), timersMade++, task);
    timers.add(timer);
    return timer;
  }

  @Override
  public boolean inLoop() {
    return Thread.currentThread().equals(thread);
  }

  /// Not before [#startLingering].
  @Override
  public boolean linger(Polled work) {
    return lingers && polled.add(work);
  }

  /// From now on what asks for it is looked at, by [#look], until [#rest].
  public void startLingering() {
    lingers = true;
  }

  /// Looks once at everything that the loop lingers at.
  ///
  /// @return how many of them had work
  public int look() {
    int worked = 0;
    for (Polled work : List.copyOf(polled)) {
      try {
        worked += work.poll() ? 1 : 0;
      } catch (Throwable e) {
        polled.remove(work);
        errors.record(toString(), e);
      }
    }
    failIfEscaped();
    return worked;
  }

  /// Lingers no more: arms everything that it has lingered at.
  ///
  /// @return how many there were
  public int rest() {
    lingers = false;
    List<Polled> armed = List.copyOf(polled);
    polled.clear();
    armed.forEach(work -> guard(work::arm));
    failIfEscaped();
    return armed.size();
  }

  @Override
  public synchronized long nanoTime() {
    return now;
  }

  /// Runs one task or one timer that is due.
  ///
  /// @return whether there was one
  public boolean step() {
    boolean ran = runNext();
    failIfEscaped();
    return ran;
  }

  private boolean runNext() {
    Runnable next = takeReady();
    if (next == null) {
      return false;
    }
    guard(next);
    return true;
  }

  private void guard(Runnable callback) {
    try {
      callback.run();
    } catch (Throwable e) {
      errors.record(toString(), e);
    }
  }

  private void failIfEscaped() {
    InternalErrors.Report first = escaped.poll();
    if (first != null) {
      escaped.clear();
      throw new AssertionError(first.owner() + ": " + first.error(), first.error());
    }
  }

  /// Runs tasks and due timers until there is none, the clock standing still.
  ///
  /// @return how many there were
  public int runReady() {
    int ran = 0;
    while (runNext()) {
      if (++ran == RESTLESS) {
        throw new IllegalStateException("still not at rest after " + ran + " tasks");
      }
    }
    failIfEscaped();
    return ran;
  }

  /// Moves the clock on, running what becomes due at its own time.
  public void advance(long nanos) {
    long end = nanoTime() + nanos;
    runReady();
    while (moveToNextTimer(end)) {
      runReady();
    }
    synchronized (this) {
      now = end;
    }
  }

  /// Timers that still wait for their time.
  public synchronized int pendingTimers() {
    return timers.size();
  }

  @Override
  public String toString() {
    return "stepped loop";
  }

  private synchronized @Nullable Runnable takeReady() {
    Runnable task = tasks.poll();
    if (task != null) {
      return task;
    }
    HandTimer timer = timers.peek();
    if (timer == null || timer.due - now > 0) {
      return null;
    }
    timers.remove();
    return timer.task;
  }

  private synchronized boolean moveToNextTimer(long end) {
    HandTimer timer = timers.peek();
    if (timer == null || timer.due - end > 0) {
      return false;
    }
    now = timer.due;
    return true;
  }

  private final class HandTimer implements Timer {
    private final long due;
    private final long order;
    private final Runnable task;

    private HandTimer(long due, long order, Runnable task) {
      this.due = due;
      this.order = order;
      this.task = task;
    }

    @Override
    public void cancel() {
      synchronized (SteppedLoop.this) {
        timers.remove(this);
      }
    }
  }
}
