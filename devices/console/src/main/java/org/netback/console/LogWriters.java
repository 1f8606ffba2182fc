package org.netback.console;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.netback.loop.InternalErrors;

/// The threads that write logs. Each file has at most one at a time, and only while there is
/// something to write: a disk that hangs under one file holds no other, and a guest that connects
/// again and again while it hangs costs one thread in all.
///
/// Any thread.
final class LogWriters {
  /// How long the end of a console may wait for its log, and the end of all for all logs.
  static final Duration PATIENCE = Duration.ofMillis(500);

  /// After a wait in vain nobody waits for this long.
  private static final long IMPATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Executor executor;
  private final Optional<ExecutorService> own;
  private final InternalErrors errors;
  private final LongSupplier clock;
  private final Map<Path, Deque<Runnable>> behind = new HashMap<>();
  private boolean impatient;
  private long impatientUntil;

  /// @param executor on which files are written; a task may take as long as a disk hangs
  /// @param clock in nanoseconds
  LogWriters(Executor executor, InternalErrors errors, LongSupplier clock) {
    this(executor, Optional.empty(), errors, clock);
  }

  private LogWriters(
      Executor executor, Optional<ExecutorService> own, InternalErrors errors, LongSupplier clock) {
    this.executor = executor;
    this.own = own;
    this.errors = errors;
    this.clock = clock;
  }

  /// With daemon threads of their own.
  static LogWriters start(InternalErrors errors) {
    ExecutorService threads =
        Executors.newCachedThreadPool(
            Thread.ofPlatform()
                .daemon()
                .name("console-log-", 0)
                .uncaughtExceptionHandler(errors::uncaught)
                .factory());
    return new LogWriters(threads, Optional.of(threads), errors, System::nanoTime);
  }

  InternalErrors errors() {
    return errors;
  }

  /// Has something done with a file, after what is under way there.
  void execute(Path file, Runnable work) {
    synchronized (this) {
      Deque<Runnable> queue = behind.get(file);
      if (queue != null) {
        queue.add(work);
        return;
      }
      behind.put(file, new ArrayDeque<>());
    }
    try {
      executor.execute(() -> drain(file, work));
    } catch (RejectedExecutionException e) {
      // All has been closed, and what comes now is lost.
      next(file);
    }
  }

  private void drain(Path file, Runnable first) {
    Optional<Runnable> work = Optional.of(first);
    while (work.isPresent()) {
      try {
        work.get().run();
      } catch (Throwable e) {
        // A fault of ours; what waits behind it is done all the same.
        errors.record("log " + file, e);
      }
      work = next(file);
    }
  }

  private synchronized Optional<Runnable> next(Path file) {
    Optional<Runnable> next = Optional.ofNullable(behind.get(file)).map(Deque::poll);
    if (next.isEmpty()) {
      behind.remove(file);
    }
    return next;
  }

  /// Takes back what has not begun.
  ///
  /// @return false if it has
  synchronized boolean withdraw(Path file, Runnable work) {
    Deque<Runnable> queue = behind.get(file);
    return queue != null && queue.remove(work);
  }

  /// How long the end of a console may wait for its log. Once somebody has waited in vain it is
  /// zero for a while, or many consoles on one disk would wait one after the other.
  synchronized Duration patience() {
    impatient &= clock.getAsLong() - impatientUntil < 0;
    return impatient ? Duration.ZERO : PATIENCE;
  }

  /// Somebody has waited in vain.
  synchronized void hangs() {
    impatient = true;
    impatientUntil = clock.getAsLong() + IMPATIENCE_NANOS;
  }

  /// Takes no more, and waits for what is under way, [#PATIENCE] at most.
  ///
  /// @return whether all was written
  boolean close() {
    if (own.isEmpty()) {
      return true;
    }
    ExecutorService threads = own.get();
    threads.shutdown();
    try {
      if (threads.awaitTermination(PATIENCE.toNanos(), TimeUnit.NANOSECONDS)) {
        return true;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    threads.shutdownNow();
    return false;
  }
}
