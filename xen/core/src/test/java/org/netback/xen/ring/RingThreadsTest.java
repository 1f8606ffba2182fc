package org.netback.xen.ring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Both ends as drivers use them, each on a thread of its own.
class RingThreadsTest {
  private static final int SLOT = 12;
  private static final int MESSAGES = 200_000;
  private static final long DEADLINE_SECONDS = 60;

  /// Two threads that block until notified. A lost message breaks the order; a lost wake-up leaves
  /// both asleep, which the deadline finds.
  @ParameterizedTest
  @ValueSource(ints = {0, -1000, Integer.MAX_VALUE - 1000})
  void twoThreadsLoseNothingAndNeverSleepForEver(int start)
      throws RingViolation, InterruptedException {
    MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
    FrontRing front = FrontRing.initialiseAt(page, SLOT, start);
    BackRing back = BackRing.attach(page, SLOT);
    Semaphore toFront = new Semaphore(0);
    Semaphore toBack = new Semaphore(0);
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      CompletableFuture<Void> frontDone =
          CompletableFuture.runAsync(() -> askAll(front, toFront, toBack), threads);
      CompletableFuture<Void> backDone =
          CompletableFuture.runAsync(() -> answerAll(back, toBack, toFront), threads);
      try {
        CompletableFuture.allOf(frontDone, backDone).get();
      } catch (ExecutionException e) {
        fail("start " + start, e);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static void askAll(FrontRing ring, Semaphore events, Semaphore peer) {
    try {
      int asked = 0;
      int heard = 0;
      while (heard < MESSAGES) {
        int lot = Math.min(ring.freeRequests(), 1 + asked % 61);
        for (int i = 0; i < lot && asked < MESSAGES; i++) {
          ring.putRequest(new Word(asked++));
        }
        if (ring.push()) {
          peer.release();
        }
        for (int waiting = ring.unconsumedResponses(); waiting > 0; waiting--) {
          assertThat(Word.read(ring.copyResponse())).isEqualTo(~heard++);
        }
        boolean mayAsk = asked < MESSAGES && ring.freeRequests() > 0;
        if (heard < MESSAGES && !mayAsk && !ring.finalCheck()) {
          await(events, "front after " + heard + " of " + asked);
        }
      }
    } catch (RingViolation | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void answerAll(BackRing ring, Semaphore events, Semaphore peer) {
    try {
      int answered = 0;
      while (answered < MESSAGES) {
        for (int waiting = ring.unconsumedRequests(); waiting > 0; waiting--) {
          int value = Word.read(ring.copyRequest());
          assertThat(value).isEqualTo(answered++);
          ring.putResponse(new Word(~value));
        }
        if (ring.push()) {
          peer.release();
        }
        if (answered < MESSAGES && !ring.finalCheck()) {
          await(events, "back after " + answered);
        }
      }
    } catch (RingViolation | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /// As an event channel: notifications that nobody took yet merge into one.
  private static void await(Semaphore events, String who) throws InterruptedException {
    if (!events.tryAcquire(DEADLINE_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("nobody woke the " + who);
    }
    events.drainPermits();
  }
}
