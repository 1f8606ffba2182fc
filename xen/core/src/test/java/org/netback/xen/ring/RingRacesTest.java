package org.netback.xen.ring;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/// One end publishes at the very moment at which the other looks a last time before it sleeps. If
/// the one is not asked to notify, the other must have seen what was published: a processor, or a
/// compiler, that moves a load ahead of the store before it breaks that, and without the fences
/// this fails.
class RingRacesTest {
  private static final int RACES = 300_000;
  private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(10);

  /// Where a busy machine lets both ends run at the same time too seldom, so many have to do, for
  /// as long as they take.
  private static final int ENOUGH = 1000;

  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
  private final FrontRing front = FrontRing.initialiseAt(page, 12, -1000);
  private final AtomicInteger arrivals = new AtomicInteger();
  private volatile boolean over;

  // Written by one end between two meetings, read by the other after the second.
  private boolean notified;
  private boolean seen;

  @Test
  void noWakeUpIsLostBetweenPublishingAndSleeping() throws Exception {
    BackRing back = BackRing.attach(page, 12);
    AtomicInteger lostRequests = new AtomicInteger();
    AtomicInteger lostResponses = new AtomicInteger();
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      CompletableFuture<Integer> frontend = run(threads, () -> frontend(lostResponses));
      CompletableFuture<Integer> backend = run(threads, () -> backend(back, lostRequests));
      assertThat(frontend.get()).isEqualTo(backend.get()).isGreaterThan(ENOUGH);
    }
    assertThat(lostRequests).hasValue(0);
    assertThat(lostResponses).hasValue(0);
  }

  private int frontend(AtomicInteger lost) throws RingViolation {
    SplittableRandom random = new SplittableRandom(1);
    long end = System.nanoTime() + LIMIT_NANOS;
    int race = 0;
    while (!over) {
      front.putRequest(new Word(race));
      meet();
      pause(random);
      notified = front.push();
      meet();
      // The backend judges, and puts a response.
      meet();
      pause(random);
      seen = front.finalCheck();
      meet();
      if (!notified && !seen) {
        lost.incrementAndGet();
      }
      assertThat(front.unconsumedResponses()).isEqualTo(1);
      assertThat(Word.read(front.copyResponse())).isEqualTo(race);
      over = ++race == RACES || race > ENOUGH && System.nanoTime() > end;
      meet();
    }
    return race;
  }

  private int backend(BackRing back, AtomicInteger lost) throws RingViolation {
    SplittableRandom random = new SplittableRandom(2);
    int race = 0;
    while (!over) {
      meet();
      pause(random);
      seen = back.finalCheck();
      meet();
      if (!notified && !seen) {
        lost.incrementAndGet();
      }
      assertThat(back.unconsumedRequests()).isEqualTo(1);
      back.putResponse(new Word(Word.read(back.copyRequest())));
      meet();
      pause(random);
      notified = back.push();
      meet();
      race++;
      meet();
    }
    return race;
  }

  /// Waits for the other end, awake at first, so that both go on at the same moment.
  private void meet() {
    int round = arrivals.getAndIncrement() / 2;
    for (int spins = 0; arrivals.get() / 2 == round; spins++) {
      if (spins > 1000) {
        LockSupport.parkNanos(1000); // it may be waiting for this very processor
      }
      Thread.onSpinWait();
    }
  }

  /// So that now the one is ahead and now the other.
  private static void pause(SplittableRandom random) {
    for (int i = random.nextInt(16); i > 0; i--) {
      Thread.onSpinWait();
    }
  }

  private CompletableFuture<Integer> run(ExecutorService threads, End end) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return end.run();
          } catch (RingViolation e) {
            throw new AssertionError(e);
          }
        },
        threads);
  }

  private interface End {
    int run() throws RingViolation;
  }
}
