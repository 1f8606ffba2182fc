package org.netback.console;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/// A console's octets on their way to its log: they wait here, up to a bound, for a thread that may
/// wait for the disk ([LogWriters]). What exceeds the bound is lost and counted, and a line in the
/// log says where.
///
/// Any thread, none of which waits, except in [#awaitWritten].
final class LogFeed {
  /// Octets that wait for the disk.
  static final int BOUND = 64 * 1024;

  private static final int BATCH = 8 * 1024;

  private final ConsoleLog log;
  private final Path file;
  private final LogWriters writers;
  private final Runnable written;
  private final Runnable work = this::work;
  private final OctetQueue waiting = new OctetQueue(BOUND);

  /// The writing thread's.
  private final byte[] batch = new byte[BATCH];

  /// Octets that there was no room for, after all that wait.
  private long missing;

  /// Whether a thread is at work, or will be.
  private boolean atWork;

  /// Whether one has been: the file may be open.
  private boolean begun;

  private boolean reopens;
  private boolean closes;

  /// @param file the log's, which no two threads write at a time
  /// @param written called without a lock when everything has been written
  LogFeed(ConsoleLog log, Path file, LogWriters writers, Runnable written) {
    this.log = log;
    this.file = file;
    this.writers = writers;
    this.written = written;
  }

  /// Hands in what the guest has put: all, or, where there is no room for it, nothing.
  void add(byte[] octets, int length) {
    synchronized (this) {
      // Nothing comes between what is missing and the line that says so.
      if (missing > 0 || waiting.room() < length) {
        missing += length;
        log.countLost(length);
      } else {
        waiting.add(octets, 0, length);
      }
    }
    begin();
  }

  /// Whether everything that was handed in is in the kernel's hands, or known to be lost.
  synchronized boolean isWritten() {
    return !atWork;
  }

  /// Has the file opened anew before anything else is written.
  void reopen() {
    synchronized (this) {
      reopens = true;
    }
    begin();
  }

  /// Closes the file when everything has been written. Idempotent.
  void close() {
    synchronized (this) {
      closes = true;
      if (!begun && atWork && writers.withdraw(file, work)) {
        // Another console's octets hang there already, and nothing is known of when.
        atWork = false;
        log.countLost(waiting.size());
        waiting.clear();
        missing = 0; // counted when it was missed
      }
    }
    begin();
  }

  /// Waits until everything has been written, or for the time that [LogWriters#patience()] allows.
  void awaitWritten() {
    Duration patience = writers.patience();
    long end = System.nanoTime() + patience.toNanos();
    synchronized (this) {
      try {
        for (long left = patience.toNanos(); atWork && left > 0; left = end - System.nanoTime()) {
          TimeUnit.NANOSECONDS.timedWait(this, left);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      if (atWork && patience.isPositive()) {
        writers.hangs();
      }
    }
  }

  private void begin() {
    synchronized (this) {
      if (atWork || !hasWork()) {
        return;
      }
      atWork = true;
    }
    writers.execute(file, work);
  }

  /// A file that was never opened needs no closing, nor opening anew.
  private boolean hasWork() {
    return !waiting.isEmpty() || missing > 0 || begun && (closes || reopens);
  }

  private void work() {
    while (step()) {}
    try {
      written.run();
    } catch (RejectedExecutionException e) {
      return; // the consoles' loop has ended
    }
  }

  /// @return false if nothing was left to do
  private boolean step() {
    int count;
    long gap = 0;
    boolean reopen;
    boolean close;
    synchronized (this) {
      if (!hasWork()) {
        atWork = false;
        notifyAll();
        return false;
      }
      begun = true;
      reopen = reopens;
      reopens = false;
      count = waiting.peek(batch);
      waiting.remove(count);
      if (count == 0) {
        gap = missing;
        missing = 0;
      }
      close = closes && count == 0 && gap == 0;
      begun = !close;
    }
    try {
      if (reopen) {
        log.reopen();
      }
      if (count > 0) {
        log.write(batch, count);
      }
      if (gap > 0) {
        log.tellMissing(gap);
      }
      if (close) {
        log.close();
      }
    } catch (Throwable e) {
      writers.errors().record("log " + file, e);
    }
    return true;
  }
}
