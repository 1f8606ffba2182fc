package org.netback.capture.pcapng;

import java.time.Instant;
import java.util.function.LongSupplier;

/// Wall-clock time in nanoseconds since 1970 that never goes back. It is the monotonic clock plus
/// an offset, and the offset only grows:
/// - A wall clock that is set forward is followed at the next [#follow()].
/// - A wall clock that is set back is not followed: times go on evenly, ahead of it. A new clock
///   begins at the wall clock, so a file that should tell the new time gets a new clock.
/// - An offset is measured by reading the wall clock first. A thread that is interrupted between
///   the two readings finds an offset that is too small, never one that is too large; so the
///   largest of several is the nearest, and each [#follow()] brings the clock nearer.
///
/// Any thread may read it. Two threads that read it while it is being corrected may see times in
/// another order than that of their reading; [SectionWriter] puts that right.
public final class CaptureClock {
  private static final long NANOS = 1_000_000_000;

  private final LongSupplier wall;
  private final LongSupplier monotonic;
  private volatile long offset;

  /// @param wall nanoseconds since 1970
  /// @param monotonic nanoseconds since any time, as of [System#nanoTime()]
  public CaptureClock(LongSupplier wall, LongSupplier monotonic) {
    this.wall = wall;
    this.monotonic = monotonic;
    this.offset = measure();
  }

  /// That of the machine.
  public static CaptureClock system() {
    return new CaptureClock(
        () -> {
          Instant now = Instant.now();
          return now.getEpochSecond() * NANOS + now.getNano();
        },
        System::nanoTime);
  }

  /// The time. Allocates nothing.
  public long nanos() {
    return offset + monotonic.getAsLong();
  }

  /// Compares with the wall clock; to be called about once a second, by any thread.
  public synchronized void follow() {
    long measured = measure();
    if (measured - offset > 0) {
      offset = measured;
    }
  }

  private long measure() {
    long now = wall.getAsLong();
    return now - monotonic.getAsLong();
  }
}
