package org.netback.ctrl;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.SteppedLoop;
import org.netback.xen.embedded.BareDomain;
import org.netback.xen.embedded.Hypervisor;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.event.CountedChannel;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingService;
import org.netback.xen.ring.RingViolation;
import org.netback.xen.ring.SharedIndices;

/// When requests are answered, and what a guest has to wait for.
final class CtrlRingTest {
  private static final long DEADLINE_SECONDS = 60;
  private static final long START_NANOS = 1_000_000_000_000L;

  private final Hypervisor hypervisor = new Hypervisor();
  private final GrantTable grants = hypervisor.grantTable(Hypervisor.BACKEND_DOMID);
  private final SteppedLoop loop = new SteppedLoop(START_NANOS);
  private final MemorySegment page = Arena.ofAuto().allocate(4096, 4096);
  private final FrontRing front = FrontRing.initialiseAt(page, CtrlRequest.SIZE, -20);
  private final List<Throwable> failures = new ArrayList<>();
  private final CountedChannel channel = new CountedChannel();
  private int domid;
  private int key;

  @BeforeEach
  void createGuest() throws Exception {
    BareDomain guest = hypervisor.createDomain("guest", new DomainSize(1, 10));
    domid = guest.domid();
    key = guest.memory().grant(guest.memory().allocate(1), 0, true);
  }

  @AfterEach
  void close() {
    hypervisor.close();
  }

  private RingService attach() throws RingViolation {
    return new CtrlRing(
            BackRing.attach(page, CtrlRequest.SIZE),
            loop,
            new HashControl(grants, domid, 1),
            new GrefControl(grants, domid, List.of()),
            failures::add)
        .service();
  }

  private RingService started() throws RingViolation {
    RingService ring = attach();
    ring.start(channel);
    loop.runReady();
    return ring;
  }

  private void ask(int type, int count) {
    for (int i = 0; i < count; i++) {
      front.putRequest(new CtrlRequest(i, type, key, 40, 0));
    }
    front.push();
  }

  private List<CtrlResponse> answers() throws RingViolation {
    List<CtrlResponse> answers = new ArrayList<>();
    while (front.finalCheck()) {
      answers.add(CtrlResponse.read(front.copyResponse()));
    }
    return answers;
  }

  @Test
  void answersWhatIsThereAlready() throws RingViolation {
    ask(CtrlRequest.TYPE_GET_HASH_MAPPING_SIZE, 3);
    RingService ring = attach();
    assertThat(answers()).isEmpty();
    ring.start(channel);
    loop.runReady();
    assertThat(answers()).extracting(CtrlResponse::id).containsExactly(0, 1, 2);
    assertThat(channel.notified()).isEqualTo(1);
  }

  /// A backend may have died between its answer and its notification.
  @Test
  void notifiesAtTheStartOnlyWhatIsOwed() throws RingViolation {
    RingService first = started();
    assertThat(channel.notified()).isZero();
    first.close();
    BackRing dead = BackRing.attach(page, CtrlRequest.SIZE);
    ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 1);
    dead.unconsumedRequests();
    dead.copyRequest();
    dead.putResponse(new CtrlResponse(0, CtrlRequest.TYPE_GET_HASH_FLAGS, 0, 0));
    dead.push();

    RingService _ = started();

    assertThat(channel.notified()).isEqualTo(1);
    assertThat(answers()).hasSize(1);
  }

  @Test
  void tellsWhetherAnEventHadAReason() throws RingViolation {
    RingService ring = started();
    assertThat(ring.onEvent()).isFalse();
    ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 1);
    assertThat(ring.onEvent()).isTrue();
    assertThat(answers()).hasSize(1);
    assertThat(channel.notified()).isEqualTo(1);
    assertThat(ring.onEvent()).isFalse();
    // A request that was found by chance may have been announced.
    ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 17);
    ring.wake();
    loop.runReady();
    assertThat(answers()).hasSize(17);
    assertThat(ring.onEvent()).isTrue();
    assertThat(ring.onEvent()).isFalse();
    ring.close();
    assertThat(ring.onEvent()).isTrue();
  }

  /// An event that comes ahead of the first look is no false alarm.
  @Test
  void doesNotBlameAGuestForAnEventBeforeTheFirstLook() throws RingViolation {
    RingService ring = attach();
    assertThat(ring.onEvent()).isTrue();
    ring.start(channel);
    assertThat(ring.onEvent()).isTrue();
    loop.runReady();
    assertThat(ring.onEvent()).isFalse();
  }

  @Test
  void givesOthersATurnBetweenRounds() throws RingViolation {
    RingService ring = started();
    ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 40);
    ring.onEvent();
    assertThat(answers()).hasSize(16);
    assertThat(loop.step()).isTrue();
    assertThat(answers()).hasSize(16);
    assertThat(loop.step()).isTrue();
    assertThat(answers()).hasSize(8);
    assertThat(loop.step()).isFalse();
    assertThat(channel.notified()).isEqualTo(3);
  }

  @Test
  void sleepsUntilItIsNotified() throws RingViolation {
    RingService ring = started();
    assertThat(loop.step()).isFalse();
    front.putRequest(new CtrlRequest(0, CtrlRequest.TYPE_GET_HASH_FLAGS, 0, 0, 0));
    assertThat(front.push()).isTrue();
    ring.onEvent();
    front.putRequest(new CtrlRequest(0, CtrlRequest.TYPE_GET_HASH_FLAGS, 0, 0, 0));
    assertThat(front.push()).isTrue();
  }

  private RingService restarted() throws RingViolation {
    RingService ring = started();
    // Nothing that was ever asked for is left.
    loop.advance(TimeUnit.DAYS.toNanos(1));
    answers();
    return ring;
  }

  /// The dearest request may exceed the allowance once, since only what is past is counted.
  @Test
  void allowsAsManyRequestsAsTheirPricesSay() throws RingViolation {
    int[][] prices = {
      {CtrlRequest.TYPE_GET_HASH_FLAGS, 1},
      {CtrlRequest.TYPE_INVALID, 1},
      {CtrlRequest.TYPE_SET_HASH_KEY, 4},
      {CtrlRequest.TYPE_ADD_GREF_MAPPING, 32},
      {CtrlRequest.TYPE_DEL_GREF_MAPPING, 32}
    };
    for (int[] price : prices) {
      RingService ring = restarted();
      int answered = 0;
      for (int i = 0; i < 2000; i++) {
        if (front.freeRequests() > 0) {
          ask(price[0], 1);
        }
        ring.onEvent();
        answered += answers().size();
      }
      assertThat(answered).as("type %s", price[0]).isEqualTo(1024 / price[1] + 1);
      int waiting = 128 - front.freeRequests();
      assertThat(waiting).isPositive();
      // From then on one by one, each when the one before is paid for.
      long each = price[1] * CtrlRing.UNIT_NANOS;
      for (int i = 0; i < 3; i++) {
        loop.advance(each - 1);
        assertThat(answers()).isEmpty();
        loop.advance(1);
        assertThat(answers()).hasSize(1);
      }
      ring.close();
      assertThat(loop.pendingTimers()).isZero();
      assertThat(failures).isEmpty();
    }
  }

  /// What a guest does not use is not saved up beyond the allowance.
  @Test
  void savesNothingUp() throws RingViolation {
    RingService ring = started();
    loop.advance(TimeUnit.DAYS.toNanos(1));
    int answered = 0;
    for (int i = 0; i < 2000; i++) {
      if (front.freeRequests() > 0) {
        ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 1);
      }
      ring.onEvent();
      answered += answers().size();
    }
    assertThat(answered).isEqualTo(1025);
  }

  @Test
  void endsWithARingThatIsBroken() throws RingViolation {
    RingService ring = started();
    SharedIndices.putReqProd(page, front.reqProdPvt() + 129);
    assertThat(ring.onEvent()).isTrue();
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
    SharedIndices.putReqProd(page, front.reqProdPvt());
    ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 1);
    assertThat(ring.onEvent()).isTrue();
    assertThat(answers()).isEmpty();
    assertThat(failures).hasSize(1);
  }

  @Test
  void answersNothingOnceItIsHalted() throws RingViolation {
    RingService ring = started();
    ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 40);
    ring.onEvent();
    ring.halt();
    loop.runReady();
    assertThat(answers()).hasSize(16);
    assertThat(failures).isEmpty();
  }

  /// The bus's thread ends devices, whatever the loop's has done.
  @Test
  void isClosedByAnyThread() throws RingViolation {
    RingService ring = started();
    ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 40);
    ring.onEvent();
    loop.runReady();
    for (int i = 0; i < 2; i++) {
      CompletableFuture.runAsync(ring::close, task -> Thread.ofPlatform().daemon().start(task))
          .orTimeout(DEADLINE_SECONDS, TimeUnit.SECONDS)
          .join();
      ring.close();
    }
    ask(CtrlRequest.TYPE_GET_HASH_FLAGS, 1);
    ring.onEvent();
    assertThat(answers()).hasSize(40);
  }
}
