package org.netback.capture;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.netback.vswitch.Observation;
import org.netback.vswitch.Observer;

/// A capture from its start to its end: a [Recorder] that is shown frames, and a thread that hands
/// what was recorded to a [CaptureSink], in the order of time. The thread looks every millisecond,
/// so that no loop has to wake it.
///
/// A sink that fails ends the capture, and nothing else. Any thread.
public final class Capture implements AutoCloseable {
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  /// Records that are handed on between two flushes at most, so that a busy capture shows
  /// something.
  private static final int MOST_AT_ONCE = 4096;

  private final Recorder recorder;
  private final CaptureSink sink;
  private final Observation observation;
  private final CompletableFuture<CaptureStatistics> ended = new CompletableFuture<>();
  private final Thread writer;
  private volatile boolean stopped;
  private volatile long frames;
  private volatile long octets;

  private Capture(Recorder recorder, CaptureSink sink, Observation observation) {
    this.recorder = recorder;
    this.sink = sink;
    this.observation = observation;
    this.writer = Thread.ofPlatform().daemon().name(recorder.name()).unstarted(this::write);
  }

  /// Starts a capture.
  ///
  /// @param name of its thread, and for people: `capture 3`
  /// @param most frames; [Long#MAX_VALUE] for no bound
  /// @param ringOctets of the memory of each thread that carries frames; a power of two, and more
  ///   than four times the snap length
  /// @param clock nanoseconds since 1970; read on the loops
  /// @param observe has the switch show frames to the recorder: a network's or the switch's method
  /// @param sink closed by the capture
  public static Capture start(
      String name,
      CaptureChoice choice,
      long most,
      int ringOctets,
      LongSupplier clock,
      Function<Observer, Observation> observe,
      CaptureSink sink) {
    Recorder recorder = new Recorder(name, choice, most, ringOctets, clock);
    Capture capture = new Capture(recorder, sink, observe.apply(recorder));
    capture.writer.start();
    return capture;
  }

  private void write() {
    try {
      try (sink) {
        handAllOn();
        sink.end(statistics());
      } finally {
        observation.close();
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
      last = stopped || recorder.isDone() || observation.fault().isPresent();
      count = handOn();
      sink.flush();
      if (count == 0 && !last) {
        LockSupport.parkNanos(LOOK_NANOS);
      }
    } while (!last || count == MOST_AT_ONCE);
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // written by this thread alone
  private int handOn() throws IOException {
    List<Recorder.Lane> lanes = recorder.lanes();
    for (int count = 0; count < MOST_AT_ONCE; count++) {
      int at = oldest(lanes);
      if (at < 0) {
        return count;
      }
      CapturedFrame frame = lanes.get(at).oldest();
      sink.frame(frame, recorder.lost());
      frames++;
      octets += frame.captured();
      frame.release();
    }
    return MOST_AT_ONCE;
  }

  /// @return the lane with the oldest record; -1 if there is none
  private static int oldest(List<Recorder.Lane> lanes) {
    int oldest = -1;
    long nanos = 0;
    for (int i = 0; i < lanes.size(); i++) {
      CapturedFrame frame = lanes.get(i).oldest();
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
