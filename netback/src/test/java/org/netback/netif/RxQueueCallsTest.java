package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.ctrl.GrefBudget;
import org.netback.ctrl.GrefMappings;
import org.netback.hashing.HashConfiguration;
import org.netback.loop.SteppedLoop;
import org.netback.packet.Frame;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.PortCounters;
import org.netback.vswitch.PortTraffic;
import org.netback.xen.embedded.BareDomain;
import org.netback.xen.embedded.Hypervisor;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.event.CountedChannel;
import org.netback.xen.grant.DeferredGrantTable;
import org.netback.xen.grant.InterposedGrantTable;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// A receive queue by itself: what each of its calls returns, counts and leaves behind. The test
/// calls it in the place of the switch, the channel and the loop.
final class RxQueueCallsTest {
  private static final int START = -3;
  private static final int BAD_GREF = 1_000_000;

  private final Arena arena = Arena.ofConfined();
  private final Hypervisor registry = new Hypervisor();
  private final SteppedLoop loop = new SteppedLoop();
  private final ReentrantLock lock = new ReentrantLock();
  private final PortTraffic traffic = new PortTraffic();
  private final PortCounters port = traffic.counters();
  private final List<Throwable> failures = new ArrayList<>();
  private final FrameArena frames = new FrameArena(arena, 64, 1 << 20);
  private final FrameBatch batch = new FrameBatch(64);
  private final List<MemorySegment> buffers = new ArrayList<>();
  private BareDomain guest;
  private MemorySegment page;
  private FrontRing ring;
  private RxQueue queue;
  private int carrierChanges;
  private Runnable whenNotified = () -> {};

  /// Copies that are still made before one throws; negative for no end.
  private int copiesLeft = -1;

  private final CountedChannel channel = new CountedChannel(() -> whenNotified.run());

  @BeforeEach
  void make() throws IOException, RingViolation {
    guest = registry.createDomain("guest", new DomainSize(4, 600));
    page = guest.memory().allocate(1);
    ring = FrontRing.initialiseAt(page, RxRequest.SIZE, START);
    queue = make(true);
  }

  private RxQueue make(boolean rxNotify) throws RingViolation {
    InterposedGrantTable grants =
        new InterposedGrantTable(
            new DeferredGrantTable(registry.grantTable(0), () -> false), this::beforeCopy);
    return new RxQueue(
        guest.domid(),
        BackRing.attach(page, RxRequest.SIZE),
        grants,
        new GrefMappings(grants, guest.domid(), new GrefBudget(0), Runnable::run),
        lock,
        loop,
        traffic,
        0,
        rxNotify,
        20_000,
        1,
        () -> carrierChanges++,
        failures::add);
  }

  /// With its first look done.
  private void start() {
    queue.service().start(channel);
    loop.runReady();
  }

  private void beforeCopy() {
    if (copiesLeft >= 0 && copiesLeft-- == 0) {
      throw new IllegalStateException("planted");
    }
  }

  /// Whatever was called, it has given the lock back and left no timer of a closed queue.
  @AfterEach
  void close() {
    assertThat(lock.isLocked()).isFalse();
    queue.service().close();
    assertThat(loop.pendingTimers()).isZero();
    registry.close();
    arena.close();
  }

  private void post(int count) {
    for (int i = 0; i < count; i++) {
      MemorySegment buffer = guest.memory().allocate(1);
      buffers.add(buffer);
      put(guest.memory().grant(buffer, 0, false));
    }
    ring.push();
  }

  private void put(int gref) {
    ring.putRequest(new RxRequest(ring.reqProdPvt() & 0xffff, gref));
  }

  /// Writes the ring's `rsp_event`: from which response on the guest wants to be notified.
  private void notifyFrom(int index) {
    page.set(ValueLayout.JAVA_INT, 12, index);
  }

  /// Writes the ring's `req_prod`, over whatever the guest has put.
  private void breakRing() {
    page.set(ValueLayout.JAVA_INT, 0, START + 10_000);
  }

  private void transmit(int... lengths) {
    frames.clear();
    batch.clear();
    for (int length : lengths) {
      Frame frame = frames.allocate(length);
      frame.memory().asSlice(frame.offset(), length).fill((byte) length);
      batch.add(frame);
    }
    long[] hashes = new long[lengths.length];
    Arrays.fill(hashes, HashConfiguration.NO_HASH);
    queue.transmit(batch, 0, (1L << lengths.length) - 1, hashes);
  }

  private List<Integer> statuses() throws RingViolation {
    List<Integer> statuses = new ArrayList<>();
    while (ring.unconsumedResponses() > 0) {
      statuses.add(RxResponse.read(ring.copyResponse()).status());
    }
    return statuses;
  }

  private QueueStatistics.Rx counters() {
    return queue.statistics();
  }

  private static long millis(long millis) {
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }

  @Test
  void showsWhereTheRingStandsFromTheBeginning() {
    assertThat(counters().ring()).isEqualTo(new QueueStatistics.RingIndices(START, START));
  }

  /// What a dead backend has left in the ring is answered, and the guest notified if it asked.
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void answersAtTheStartWhatIsNoRequest(boolean wantsToKnow) throws RingViolation {
    put(BAD_GREF);
    put(BAD_GREF + 1);
    ring.push();
    notifyFrom(wantsToKnow ? START + 2 : START + 3);

    start();

    assertThat(statuses()).containsExactly(RxResponse.ERROR, RxResponse.ERROR);
    assertThat(channel.notified()).isEqualTo(wantsToKnow ? 1 : 0);
    assertThat(counters().notifications()).isEqualTo(wantsToKnow ? 1 : 0);
    assertThat(counters().notificationsSaved()).isEqualTo(wantsToKnow ? 1 : 2);
    assertThat(counters().ring()).isEqualTo(new QueueStatistics.RingIndices(START + 2, START + 2));
    assertThat(failures).isEmpty();
  }

  @Test
  void isNotStartedOnARingThatIsBroken() {
    breakRing();
    start();
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
    transmit(60);
    assertThat(port.drops(DropReason.PORT_DOWN)).isEqualTo(1);
    assertThat(failures).hasSize(1);
  }

  /// The longest frame that the guest takes, and one that is longer.
  @Test
  void dropsFramesThatAreTooLong() throws RingViolation {
    post(10);
    start();
    transmit(20_000, 20_001, 60);
    assertThat(statuses()).containsExactly(4096, 4096, 4096, 4096, 20_000 - 4 * 4096, 60);
    assertThat(port.drops()).containsOnlyKeys(DropReason.TOO_LONG);
    assertThat(port.drops(DropReason.TOO_LONG)).isEqualTo(1);
  }

  /// A frame's octets are its length's lowest eight bits.
  @Test
  void hasWrittenAFrameWhenItIsAnswered() throws RingViolation {
    post(2);
    start();
    transmit(60, 300);
    assertThat(statuses()).containsExactly(60, 300);
    assertThat(buffers.get(0).asSlice(0, 61).toArray(ValueLayout.JAVA_BYTE)).isEqualTo(octets(60));
    assertThat(buffers.get(1).asSlice(0, 301).toArray(ValueLayout.JAVA_BYTE))
        .isEqualTo(octets(300));
  }

  /// A frame's, and the zero that follows it in its buffer.
  private static byte[] octets(int length) {
    byte[] octets = new byte[length + 1];
    Arrays.fill(octets, 0, length, (byte) length);
    return octets;
  }

  @ParameterizedTest
  @CsvSource({"60, 1", "4095, 1", "4096, 1", "4097, 2", "8192, 2", "8193, 3"})
  void takesABufferPerPage(int length, int buffers) throws RingViolation {
    post(buffers - 1);
    start();
    transmit(length);
    assertThat(statuses()).isEmpty();
    assertThat(counters().backlogged()).isEqualTo(1);
    post(1);
    assertThat(queue.service().onEvent()).isTrue();
    assertThat(statuses()).hasSize(buffers);
    post(buffers);
    transmit(length);
    assertThat(statuses()).hasSize(buffers);
    // There were enough of them, so that it did not have to wait.
    assertThat(counters().backlogged()).isEqualTo(1);
  }

  /// Buffers that were posted without a notification are used up for what waits first.
  @Test
  void deliversWhatWaitsBeforeWhatComes() throws RingViolation {
    start();
    transmit(60);
    post(2);
    transmit(61);
    assertThat(statuses()).containsExactly(60, 61);
    assertThat(counters().backlogged()).isEqualTo(1);
    assertThat(counters().batches()).isEqualTo(2);
  }

  /// A buffer that is posted after the last look, and before the guest is asked to tell of it.
  @Test
  void doesNotMissABufferThatIsPostedMeanwhile() throws RingViolation {
    start();
    transmit(60, 61);
    post(1);
    notifyFrom(START + 1);
    whenNotified = () -> post(1);
    assertThat(queue.service().onEvent()).isTrue();
    assertThat(channel.notified()).isEqualTo(1);
    loop.runReady();
    assertThat(statuses()).containsExactly(60, 61);
  }

  @Test
  void tellsTheChannelWhetherBuffersWerePosted() throws RingViolation {
    start();
    assertThat(queue.service().onEvent()).isFalse();
    post(1);
    assertThat(queue.service().onEvent()).isTrue();
    assertThat(queue.service().onEvent()).isFalse();
    transmit(60);
    assertThat(queue.service().onEvent()).isFalse();
    assertThat(statuses()).containsExactly(60);
    assertThat(counters().events()).isEqualTo(4);
    assertThat(counters().spuriousEvents()).isEqualTo(3);
  }

  /// An event that was under way when the queue was closed is not held against the guest.
  @Test
  void takesAnEventToAClosedQueueForWork() {
    start();
    queue.service().close();
    assertThat(queue.service().onEvent()).isTrue();
    assertThat(counters().spuriousEvents()).isZero();
  }

  @Test
  void saysOfAPollWhetherFramesWereDelivered() throws RingViolation {
    start();
    assertThat(queue.service().poll()).isFalse();
    transmit(60, 61);
    assertThat(queue.service().poll()).isFalse();
    post(1);
    assertThat(queue.service().poll()).isTrue();
    assertThat(counters().backlogFrames()).isEqualTo(1);
    assertThat(queue.service().poll()).isFalse();
    post(1);
    queue.service().close();
    assertThat(queue.service().poll()).isFalse();
    assertThat(statuses()).containsExactly(60);
  }

  @Test
  void deliversWhenItIsArmedWhatCouldBeDelivered() throws RingViolation {
    start();
    transmit(60);
    queue.service().arm();
    assertThat(statuses()).isEmpty();
    post(1);
    queue.service().arm();
    loop.runReady();
    assertThat(statuses()).containsExactly(60);
    assertThat(counters().backlogFrames()).isZero();
    queue.service().arm();
    assertThat(ring.unconsumedResponses()).isZero();
  }

  /// The loop lingers at a ring from which frames go, and not at one without buffers.
  @Test
  void lingersOnlyWhileTheGuestTakesFrames() {
    start();
    loop.startLingering();
    transmit(60, 61, 62);
    assertThat(queue.service().onEvent()).isFalse();
    assertThat(loop.rest()).isZero();
    loop.startLingering();
    post(1);
    assertThat(queue.service().onEvent()).isTrue();
    assertThat(loop.rest()).isEqualTo(1);
  }

  @Test
  void leavesNothingBehindAtTheClose() {
    start();
    transmit(60, 61);
    assertThat(counters().backlogFrames()).isEqualTo(2);
    assertThat(counters().backlogOctets()).isEqualTo(121);
    queue.service().close();
    assertThat(counters().backlogFrames()).isZero();
    assertThat(counters().backlogOctets()).isZero();
    assertThat(loop.pendingTimers()).isZero();
    queue.service().close();
    assertThat(port.drops(DropReason.PORT_DOWN)).isEqualTo(2);
    transmit(62);
    assertThat(port.drops(DropReason.PORT_DOWN)).isEqualTo(3);
  }

  /// Where a callback meets a ring that the guest has broken, with a frame that waits.
  enum Call {
    TRANSMISSION,
    EVENT,
    POLL,
    ARMING
  }

  @ParameterizedTest
  @EnumSource
  void endsWithTheRing(Call call) {
    start();
    transmit(60);
    breakRing();
    switch (call) {
      case TRANSMISSION -> transmit(61);
      case EVENT -> assertThat(queue.service().onEvent()).isTrue();
      case POLL -> assertThat(queue.service().poll()).isTrue();
      case ARMING -> queue.service().arm();
    }
    int lost = call == Call.TRANSMISSION ? 2 : 1;
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
    assertThat(port.drops(DropReason.PORT_DOWN)).isEqualTo(lost);
    assertThat(counters().backlogFrames()).isZero();
    assertThat(loop.pendingTimers()).isZero();
    assertThat(lock.isLocked()).isFalse();
    transmit(62);
    assertThat(port.drops(DropReason.PORT_DOWN)).isEqualTo(lost + 1);
    assertThat(queue.service().poll()).isFalse();
    queue.service().arm();
    assertThat(failures).hasSize(1);
  }

  /// The timer finds it too, if a frame still waits when the first has expired.
  @Test
  void endsWithTheRingWhenItsTimeIsUp() {
    start();
    transmit(60);
    loop.advance(millis(1000));
    transmit(61);
    breakRing();
    loop.advance(millis(9000));
    assertThat(failures).singleElement().isInstanceOf(RingViolation.class);
    assertThat(port.drops(DropReason.BACKLOG_EXPIRED)).isEqualTo(1);
    assertThat(port.drops(DropReason.PORT_DOWN)).isEqualTo(1);
    assertThat(loop.pendingTimers()).isZero();
    assertThat(lock.isLocked()).isFalse();
  }

  /// What was put into slots and not shown to the guest is lost, and counted once.
  @Test
  void countsWhatWasStagedWhenItFails() throws RingViolation {
    post(5);
    start();
    copiesLeft = 2;
    transmit(60, 61, 62, 63);
    assertThat(failures).singleElement().isInstanceOf(IllegalStateException.class);
    assertThat(port.drops(DropReason.PORT_DOWN)).isEqualTo(4);
    queue.service().close();
    assertThat(port.drops(DropReason.PORT_DOWN)).isEqualTo(4);
    assertThat(statuses()).isEmpty();
  }

  @Test
  void wakesAStalledGuestWithTheFrameThatFindsABuffer() throws RingViolation {
    start();
    for (int second = 0; second < 60; second++) {
      transmit(60);
      loop.advance(millis(1000));
    }
    assertThat(counters().stalled()).isTrue();
    assertThat(carrierChanges).isEqualTo(1);
    transmit(60);
    assertThat(counters().stalled()).isTrue();
    post(1);
    transmit(61);
    assertThat(counters().stalled()).isFalse();
    assertThat(carrierChanges).isEqualTo(2);
    assertThat(statuses()).containsExactly(61);
    assertThat(port.drops(DropReason.STALLED)).isEqualTo(9 + 1);
  }

  /// The clock runs on while nothing waits, if nothing could be delivered either.
  @Test
  void findsAStallBetweenTwoExpiries() {
    start();
    transmit(60);
    loop.advance(millis(55_000));
    transmit(60);
    loop.advance(millis(5_000) - 1);
    assertThat(counters().stalled()).isFalse();
    loop.advance(1);
    assertThat(counters().stalled()).isTrue();
    assertThat(port.drops(DropReason.BACKLOG_EXPIRED)).isEqualTo(1);
    assertThat(port.drops(DropReason.STALLED)).isEqualTo(1);
  }

  /// A frame has to be looked for sooner than the memory is given back: one timer for both.
  @Test
  void hasOneTimerAtATime() throws RingViolation {
    queue = make(false);
    start();
    transmit(60);
    post(1);
    loop.advance(millis(2));
    assertThat(statuses()).containsExactly(60);
    assertThat(loop.pendingTimers()).isEqualTo(1);
    loop.advance(millis(100));
    transmit(61);
    assertThat(loop.pendingTimers()).isEqualTo(1);
    post(1);
    loop.advance(millis(2));
    assertThat(statuses()).containsExactly(61);
    loop.advance(millis(1000));
    assertThat(loop.pendingTimers()).isZero();
  }
}
