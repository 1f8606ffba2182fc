package org.netback.xen.ring;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.SteppedLoop;
import org.netback.xen.event.CountedChannel;

/// A ring that echoes, three requests a round. Its indices pass 2^32.
class RingServiceTest {
  private static final int SLOT = 12;
  private static final int START = -5;
  private static final int ROUND = 3;

  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
  private final FrontRing front = FrontRing.initialiseAt(page, SLOT, START);
  private final SteppedLoop loop = new SteppedLoop();
  private final ReentrantLock guard = new ReentrantLock();
  private final List<Throwable> failures = new ArrayList<>();
  private final List<Integer> availables = new ArrayList<>();
  private int ended;
  private int wanted = 1;
  private long outcome = RingService.DONE;
  private boolean owesAtBegin;
  private boolean pushes = true;
  private Runnable inRound = () -> {};
  private BackRing back;
  private RingService service;

  private final CountedChannel channel = new CountedChannel();

  private final class Echo implements RingService.Round {
    @Override
    public boolean begin() {
      assertThat(guard.isHeldByCurrentThread()).isTrue();
      return owesAtBegin;
    }

    @Override
    public long round(int available) {
      assertThat(guard.isHeldByCurrentThread()).isTrue();
      availables.add(available);
      inRound.run();
      int count = outcome > 0 ? 0 : Math.min(available, ROUND);
      for (int i = 0; i < count; i++) {
        back.putResponse(Word.read(back.copyRequest()));
      }
      if (count > 0 && pushes && back.push()) {
        service.notifyPeer();
      }
      return count == 0 && outcome < 0 ? RingService.IDLE : outcome;
    }

    @Override
    public int wanted() {
      return wanted;
    }

    @Override
    public void ended() {
      assertThat(guard.isHeldByCurrentThread()).isTrue();
      ended++;
    }
  }

  @BeforeEach
  void attach() throws RingViolation {
    back = BackRing.attach(page, SLOT);
    service = new RingService(back, loop, guard, new Echo(), failures::add);
  }

  private void start() {
    service.start(channel);
    loop.runReady();
    availables.clear();
  }

  /// @return whether the guest is to notify
  private boolean put(int count) {
    for (int i = 0; i < count; i++) {
      front.putRequest(new Word(i));
    }
    return front.push();
  }

  private int answers() throws RingViolation {
    int count = front.unconsumedResponses();
    for (int i = 0; i < count; i++) {
      front.copyResponse();
    }
    front.finalCheck();
    return count;
  }

  @Test
  void servesWhatIsThereAlready() throws RingViolation {
    put(2);
    service.start(channel);
    assertThat(answers()).isZero();
    loop.runReady();
    assertThat(answers()).isEqualTo(2);
    assertThat(service.counters().notifications()).isEqualTo(channel.notified()).isEqualTo(1);
  }

  @Test
  void notifiesAtTheStartOnlyIfSomethingIsOwed() throws RingViolation {
    start();
    assertThat(channel.notified()).isZero();
    service.close();
    // The backend before has answered and died before it told.
    put(1);
    back.unconsumedRequests();
    back.putResponse(Word.read(back.copyRequest()));
    back.push();
    attach();
    start();
    assertThat(channel.notified()).isEqualTo(1);
    service.close();
    answers();
    attach();
    owesAtBegin = true;
    start();
    assertThat(channel.notified()).isEqualTo(2);
  }

  /// It would be served for ever, and never hear of it.
  @Test
  void endsWithARoundThatDoesNotPushWhatItHasPut() {
    pushes = false;
    start();
    put(1);
    service.onEvent();
    assertThat(failures)
        .singleElement()
        .isInstanceOf(IllegalStateException.class)
        .asString()
        .contains("Echo has put responses and not pushed them");
    assertThat(ended).isEqualTo(1);
  }

  @Test
  void givesOthersATurnBetweenRounds() throws RingViolation {
    start();
    put(7);
    service.onEvent();
    assertThat(availables).containsExactly(7);
    assertThat(loop.step()).isTrue();
    assertThat(loop.step()).isTrue();
    assertThat(availables).containsExactly(7, 4, 1);
    assertThat(loop.step()).isFalse();
    assertThat(answers()).isEqualTo(7);
  }

  @Test
  void asksToBeNotifiedWhenNothingIsLeft() {
    start();
    for (int i = 0; i < 10; i++) {
      assertThat(put(1)).isTrue();
      service.onEvent();
    }
  }

  @Test
  void asksForAsMuchAsIsOfUse() throws RingViolation {
    wanted = 3;
    start();
    assertThat(put(2)).isFalse();
    assertThat(put(1)).isTrue();
    service.onEvent();
    assertThat(answers()).isEqualTo(3);
    wanted = 0;
    service.onEvent();
    assertThat(put(100)).isTrue(); // of what was asked for before
    service.onEvent();
    loop.runReady();
    // Not one round more than the event's: nothing is wanted.
    assertThat(answers()).isEqualTo(3);
    assertThat(put(100)).isFalse();
  }

  @Test
  void missesNothingThatIsPutBetweenTheRoundAndTheSleep() throws RingViolation {
    start();
    put(1);
    inRound =
        () -> {
          inRound = () -> {};
          put(1);
        };
    service.onEvent();
    loop.runReady();
    assertThat(answers()).isEqualTo(2);
  }

  @Test
  void waitsAsLongAsTheRoundSays() throws RingViolation {
    start();
    outcome = TimeUnit.MILLISECONDS.toNanos(5);
    put(2);
    service.onEvent();
    assertThat(availables).containsExactly(2);
    // Whatever calls meanwhile.
    put(1);
    assertThat(service.onEvent()).isTrue();
    assertThat(service.poll()).isFalse();
    service.arm();
    service.wake();
    loop.runReady();
    loop.advance(TimeUnit.MILLISECONDS.toNanos(5) - 1);
    assertThat(availables).containsExactly(2);
    outcome = RingService.DONE;
    loop.advance(1);
    assertThat(availables).containsExactly(2, 3);
    assertThat(answers()).isEqualTo(3);
    assertThat(loop.pendingTimers()).isZero();
  }

  @Test
  void lingersOnlyWhereThereWasWork() throws RingViolation {
    start();
    outcome = RingService.WORKED;
    loop.startLingering();
    service.onEvent();
    assertThat(loop.rest()).isZero();
    loop.startLingering();
    put(1);
    service.onEvent();
    // While it lingers, nobody need notify.
    assertThat(put(1)).isFalse();
    assertThat(loop.look()).isEqualTo(1);
    assertThat(answers()).isEqualTo(2);
    assertThat(loop.rest()).isEqualTo(1);
    assertThat(put(1)).isTrue();
  }

  @Test
  void findsAtTheEndOfLingeringWhatHasComeMeanwhile() throws RingViolation {
    start();
    outcome = RingService.WORKED;
    loop.startLingering();
    put(1);
    service.onEvent();
    put(2);
    loop.rest();
    loop.runReady();
    assertThat(answers()).isEqualTo(3);
  }

  @Test
  void tellsWhetherAnEventHadAReason() {
    assertThat(service.onEvent()).as("not started").isTrue();
    service.start(channel);
    assertThat(service.onEvent()).as("ahead of the first look").isTrue();
    loop.runReady();
    assertThat(service.onEvent()).isFalse();
    put(1);
    assertThat(service.onEvent()).isTrue();
    assertThat(service.onEvent()).isFalse();
    put(1);
    service.wake();
    loop.runReady();
    assertThat(service.onEvent()).as("found by a round of our own").isTrue();
    assertThat(service.onEvent()).isFalse();
    service.close();
    assertThat(service.onEvent()).as("closed").isTrue();
    assertThat(service.counters().events()).isEqualTo(8);
    assertThat(service.counters().spuriousEvents()).isEqualTo(3);
  }

  @Test
  void endsOnceWithABrokenRing() {
    start();
    page.set(ValueLayout.JAVA_INT, 0, START + 1000);
    assertThat(service.onEvent()).isTrue();
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
    assertThat(service.isRunning()).isFalse();
    assertThat(ended).isEqualTo(1);
    service.onEvent();
    service.poll();
    service.arm();
    service.wake();
    loop.runReady();
    service.close();
    service.close();
    assertThat(failures).hasSize(1);
    assertThat(ended).isEqualTo(1);
    assertThat(availables).isEmpty();
    assertThat(guard.isLocked()).isFalse();
  }

  @Test
  void endsWithWhatARoundThrowsWherever() throws RingViolation {
    for (int i = 0; i < 3; i++) {
      attach();
      failures.clear();
      ended = 0;
      start();
      inRound =
          () -> {
            throw new IllegalStateException("planted");
          };
      put(1);
      switch (i) {
        case 0 -> service.onEvent();
        case 1 -> assertThat(service.poll()).isTrue();
        default -> {
          service.wake();
          loop.runReady();
        }
      }
      inRound = () -> {};
      assertThat(failures).singleElement().asString().contains("planted");
      assertThat(ended).isEqualTo(1);
      assertThat(guard.isLocked()).isFalse();
    }
  }

  @Test
  void doesNothingOnceItIsHaltedAndTellsItsEndAtTheClose() throws RingViolation {
    start();
    put(1);
    service.halt();
    service.onEvent();
    loop.runReady();
    assertThat(answers()).isZero();
    assertThat(ended).isZero();
    service.close();
    assertThat(ended).isEqualTo(1);
    assertThat(failures).isEmpty();
  }

  @Test
  void leavesNoTimerBehind() {
    start();
    outcome = 1000;
    put(1);
    service.onEvent();
    assertThat(loop.pendingTimers()).isEqualTo(1);
    service.close();
    assertThat(loop.pendingTimers()).isZero();
  }

  /// The bus's thread closes; a round on the loop's is waited for.
  @Test
  void aRoundUnderWayIsOverWhenTheCloseReturns() throws Exception {
    start();
    CompletableFuture<Boolean> begun = new CompletableFuture<>();
    CompletableFuture<Boolean> go = new CompletableFuture<>();
    CompletableFuture<Boolean> over = new CompletableFuture<>();
    inRound =
        () -> {
          begun.complete(true);
          go.join();
          over.complete(true);
        };
    put(1);
    Thread loopThread = Thread.ofPlatform().start(service::onEvent);
    begun.get(30, TimeUnit.SECONDS);
    CompletableFuture<Boolean> seen = new CompletableFuture<>();
    Thread bus =
        Thread.ofPlatform()
            .start(
                () -> {
                  service.close();
                  seen.complete(over.isDone());
                });
    while (!guard.hasQueuedThread(bus)) {
      Thread.onSpinWait();
    }
    go.complete(true);
    assertThat(seen.get(30, TimeUnit.SECONDS)).isTrue();
    loopThread.join();
    bus.join();
    assertThat(ended).isEqualTo(1);
  }
}
