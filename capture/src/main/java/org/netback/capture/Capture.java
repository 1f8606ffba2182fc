package org.netback.capture;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.netback.capture.pcapng.CaptureClock;
import org.netback.vswitch.Observation;
import org.netback.vswitch.Observer;

/// A capture from its start to its end: a [Recorder] that is shown frames, and a thread that hands
/// what was recorded to a [CaptureSink], in the order of time. The thread looks every millisecond,
/// so that no loop has to wake it.
///
/// A sink that fails ends the capture, and nothing else. Any thread.
public final class Capture implements AutoCloseable {
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long FOLLOW_NANOS = TimeUnit.SECONDS.toNanos(1);

  /// Records that are handed on between two flushes at most, so that a busy capture shows
  /// something.
  private static final int MOST_AT_ONCE = 4096;

  private final Recorder recorder;
  private final CaptureSink sink;
  private final Observation observation;
  private final CompletableFuture<CaptureStatistics> ended = new CompletableFuture<>();
  private final Thread writer;
  private final CaptureClock clock;
  private final long most;
  private long followedAt = System.nanoTime();
  private volatile boolean stopped;
  private volatile long frames;
  private volatile long octets;

  private Capture(
      Recorder recorder, CaptureSink sink, Observation observation, CaptureClock clock, long most) {
    this.recorder = recorder;
    this.sink = sink;
    this.observation = observation;
    this.clock = clock;
    this.most = most;
    this.writer = Thread.ofPlatform().daemon().name(recorder.name()).unstarted(this::write);
  }

  /// Starts a capture.
  ///
  /// @param name of its thread, and for people: `capture 3`
  /// @param most records that the sink is given; [Long#MAX_VALUE] for no bound
  /// @param threads that carry frames, as far as it is known
  /// @param ringOctets of the memory of each thread that carries frames; a power of two, and more
  ///   than four times the snap length
  /// @param clock read on the loops, and corrected by the capture's thread
  /// @param observe has the switch show frames to the recorder: a network's or the switch's method
  /// @param sink closed by the capture
  public static Capture start(
      String name,
      CaptureChoice choice,
      long most,
      int threads,
      int ringOctets,
      CaptureClock clock,
      Function<Observer, Observation> observe,
      CaptureSink sink) {
    Recorder recorder = new Recorder(name, choice, most, threads, ringOctets, clock::nanos);
    Observation observation = observe.apply(recorder);
    Capture capture = new Capture(recorder, sink, observation, clock, most);
    try {
      capture.writer.start();
    } catch (Throwable e) {
      observation.close(); // there is no thread to be had
      throw e;
    }
    return capture;
  }

  private void write() {
    try {
      try (sink) {
        handAllOn();
        sink.end(statistics());
      } finally {
        observation.close();
        recorder.release();
      }
    } catch (Throwable e) {
      boolean _ = ended.completeExceptionally(e);
      return;
    }
    boolean _ =
        observation
            .fault()
            .map(ended::completeExceptionally)
            .orElseGet(() -> ended.complete(statistics()));
  }

  private void handAllOn() throws IOException {
    boolean last;
    int count;
    do {
      // Looked at before the rings: what was recorded before the end is handed on.
      last = stopped || observation.fault().isPresent();
      count = handOn();
      last |= frames == most;
      sink.flush();
      recorder.provide();
      followClock();
      if (count == 0 && !last) {
        LockSupport.parkNanos(LOOK_NANOS);
      }
    } while (!last || count == MOST_AT_ONCE);
  }

  private void followClock() {
    long now = System.nanoTime();
    if (now - followedAt >= FOLLOW_NANOS) {
      followedAt = now;
      clock.follow();
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // written by this thread alone
  private int handOn() throws IOException {
    List<CapturedFrame> threads = recorder.oldest();
    long lost = recorder.lost();
    for (int count = 0; count < MOST_AT_ONCE; count++) {
      int at = frames == most ? -1 : oldest(threads);
      if (at < 0) {
        return count;
      }
      CapturedFrame frame = threads.get(at);
      sink.frame(frame, lost);
      frames++;
      octets += frame.captured();
      frame.release();
    }
    return MOST_AT_ONCE;
  }

  /// @return the thread with the oldest record; -1 if there is none
  private static int oldest(List<CapturedFrame> threads) {
    int oldest = -1;
    long nanos = 0;
    for (int i = 0; i < threads.size(); i++) {
      CapturedFrame frame = threads.get(i);
      if (frame.next() && (oldest < 0 || frame.nanos() - nanos < 0)) {
        oldest = i;
        nanos = frame.nanos();
      }
    }
    return oldest;
  }

  /// What it has come to so far.
  public CaptureStatistics statistics() {
    return new CaptureStatistics(frames, octets, recorder.lost());
  }

  /// Completes when everything has been handed on and the sink is closed; exceptionally with what
  /// ended the capture, if that was a fault.
  public CompletionStage<CaptureStatistics> ended() {
    return ended;
  }

  /// Records no more; what was recorded is handed on. Does not wait. Idempotent.
  @Override
  public void close() {
    observation.close();
    stopped = true;
    LockSupport.unpark(writer);
  }
}
