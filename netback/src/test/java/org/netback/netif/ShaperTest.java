package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.SteppedLoop;
import org.netback.packet.FrameArena;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.PortTraffic;
import org.netback.xen.store.StoreException;

/// What a guest is sent at a rate. Frames are marked with their numbers, from 1.
final class ShaperTest {
  private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long ANYONE = 0x0200_0000_0001L;
  private static final int BURST = 128 << 10;

  private final House house = new House();
  private final Carrier carrier = new Carrier(house.sinkPort);

  /// When frames were sent, by mark less one.
  private final List<Long> sentAt = new ArrayList<>();

  private int received;
  private long octets;
  private long longestDelay;

  @AfterEach
  void close() {
    carrier.close();
    house.close();
  }

  private RawGuest guest(String rate) {
    RawGuest guest = house.guest();
    limit(guest, rate);
    return guest.connect();
  }

  private static void limit(RawGuest guest, String rate) {
    guest.writeBackend(Vif.RATE_TO_GUEST, rate.isEmpty() ? "" : Rate.parse(rate).node());
  }

  private static void change(RawGuest guest, String rate) {
    limit(guest, rate);
    try {
      guest.vif.refresh();
    } catch (StoreException e) {
      throw new AssertionError(e);
    }
  }

  private void send(int frames, int length) {
    for (int i = 0; i < frames; i++) {
      sentAt.add(house.loop.nanoTime());
      carrier.send(ANYONE, length, sentAt.size());
    }
  }

  /// Sends until frames are dropped, so that no credit is left.
  private void exhaust(RawGuest guest) {
    while (drops(guest, DropReason.RATE_LIMITED) == 0) {
      send(1, 1000);
      receive(guest);
    }
  }

  private static long drops(RawGuest guest, DropReason reason) {
    return guest.statistics().drops().getOrDefault(reason, 0L);
  }

  /// Takes what has come to all queues, and posts buffers in its place.
  ///
  /// @return the marks
  private List<Integer> receive(RawGuest guest) {
    List<Integer> marks = new ArrayList<>();
    for (RawGuest.Queue queue : guest.queues) {
      for (RawGuest.Received frame : queue.receive()) {
        int mark = ByteBuffer.wrap(frame.octets()).getInt(14);
        marks.add(mark);
        received++;
        octets += frame.octets().length;
        longestDelay = Math.max(longestDelay, house.loop.nanoTime() - sentAt.get(mark - 1));
      }
      queue.post(queue.rx.freeRequests());
    }
    house.settle();
    return marks;
  }

  private List<Integer> receiveFor(RawGuest guest, long nanos) {
    List<Integer> marks = new ArrayList<>();
    for (long t = 0; t < nanos; t += MILLI) {
      house.advance(MILLI);
      marks.addAll(receive(guest));
    }
    return marks;
  }

  /// A greedy sender gets the rate, in order; what is delivered has not waited for longer than the
  /// bound takes to leave, and a step of the clock.
  @Tag("long")
  @ParameterizedTest
  @CsvSource({
    "1Mb/s, 300, 263",
    "10Mb/s, 1514, 50",
    "20Mb/s, 1000, 50",
    "100Mb/s, 1514, 50",
    "500Mb/s, 9000, 17",
    "1Gb/s, 9000, 9",
    "10Mb/s@200ms, 1514, 50"
  })
  void aGreedySenderGetsTheRateAndABoundedDelay(String rate, int length, long delayMillis) {
    RawGuest guest = guest(rate);
    receive(guest);
    double perMilli = Rate.parse(rate).octetsPerSecond() / 1000;
    int seconds = 10;
    // What is saved up goes first.
    exhaust(guest);
    long warmUp = 500;
    for (int milli = 0; milli < warmUp + seconds * 1000L; milli++) {
      if (milli == warmUp) {
        octets = 0;
        longestDelay = 0;
      }
      send((int) (perMilli * 1.5 / length) + 1, length);
      house.advance(MILLI);
      List<Integer> marks = receive(guest);
      assertThat(marks).isSorted();
    }
    assertThat((double) octets)
        .isBetween(perMilli * 1000 * seconds * 0.98, perMilli * 1000 * seconds * 1.02);
    assertThat(longestDelay)
        .isBetween((delayMillis - 10) * MILLI * 8 / 10, (delayMillis + 3) * MILLI);
    assertThat(guest.statistics().drops().keySet()).containsExactly(DropReason.RATE_LIMITED);
    // All that was not delivered was counted, or waits.
    receiveFor(guest, SECOND);
    assertThat(received + drops(guest, DropReason.RATE_LIMITED)).isEqualTo(sentAt.size());
  }

  @Test
  void whatIsSavedUpGoesAtOnceAndTheRestWaits() {
    RawGuest guest = guest("10Mb/s");
    receive(guest);
    send(BURST / 1000 + 21, 1000);
    house.settle();
    assertThat(receive(guest)).hasSize(BURST / 1000 + 1);
    assertThat(guest.statistics().drops()).isEmpty();
    assertThat(receiveFor(guest, 20 * MILLI)).hasSize(20).isSorted();
  }

  /// 65,000 octets are 52 ms at 10 Mb/s: what follows waits until they are paid.
  @Test
  void aLongFramePassesAtAnyRateAndIsPaidAfterwards() {
    RawGuest guest = guest("10Mb/s");
    receive(guest);
    exhaust(guest);
    // All that waits goes, and a little is saved up.
    receiveFor(guest, 55 * MILLI);
    int before = received;
    send(1, 65_000);
    send(1, 1000);
    assertThat(receiveFor(guest, MILLI)).hasSize(1);
    assertThat(receiveFor(guest, 44 * MILLI)).isEmpty();
    assertThat(receiveFor(guest, 8 * MILLI)).hasSize(1);
    assertThat(received - before).isEqualTo(2);
  }

  /// One queue before all rings: who sends as much as others gets as much, whichever ring it is in.
  @Tag("long")
  @Test
  void flowsShareTheRateInWhateverQueueTheyAre() {
    RawGuest guest = house.guest();
    limit(guest, "10Mb/s");
    guest.useQueues(4);
    guest.connect();
    receive(guest);
    exhaust(guest);
    List<Integer> flows = new ArrayList<>(IntStream.rangeClosed(1, 16).boxed().toList());
    Random random = new Random(1);
    long[] got = new long[17];
    for (int milli = 0; milli < 8000; milli++) {
      Collections.shuffle(flows, random);
      for (int flow : flows) {
        sentAt.add(house.loop.nanoTime());
        carrier.send(ANYONE + flow, 150, sentAt.size());
      }
      house.advance(MILLI);
      for (RawGuest.Queue queue : guest.queues) {
        for (RawGuest.Received frame : queue.receive()) {
          got[frame.octets().length == 150 ? frame.octets()[5] - 1 : 0]++;
        }
        queue.post(queue.rx.freeRequests());
      }
      house.settle();
    }
    long total = LongStream.of(got).skip(1).sum();
    assertThat(total * 150).isBetween(9_700_000L, 10_100_000L);
    assertThat(LongStream.of(got).skip(1)).allMatch(n -> n > total * 0.85 / 16);
    assertThat(guest.statistics().queues()).allMatch(queue -> queue.rx().frames() > total / 50);
  }

  @Test
  void broadcastsCountToo() {
    RawGuest guest = guest("1Mb/s");
    receive(guest);
    for (int i = 0; i < 200; i++) {
      sentAt.add(house.loop.nanoTime());
      carrier.send(0xffff_ffff_ffffL, 1000, sentAt.size());
    }
    house.settle();
    receive(guest);
    assertThat(octets).isBetween((long) BURST, BURST + 1000L);
    receiveFor(guest, SECOND);
    assertThat(drops(guest, DropReason.RATE_LIMITED)).isEqualTo(200 - received);
  }

  @Test
  void whatWaitsGoesAtOnceWhenTheRateIsRemoved() {
    RawGuest guest = guest("1Mb/s");
    receive(guest);
    exhaust(guest);
    int before = received;
    change(guest, "");
    send(1, 1000);
    List<Integer> marks = receiveFor(guest, 2 * MILLI);
    assertThat(received - before).isEqualTo(1 + Shaper.LEAST_OCTETS / 1000);
    // The one that came after the change has not overtaken them.
    assertThat(marks).isSorted().endsWith(sentAt.size());
  }

  @Test
  void whatWaitsGoesAtTheNewRate() {
    RawGuest guest = guest("8b/s@1s");
    receive(guest);
    exhaust(guest);
    int before = received;
    assertThat(receiveFor(guest, SECOND)).isEmpty();
    change(guest, "1Gb/s");
    receiveFor(guest, 2 * MILLI);
    assertThat(received - before).isEqualTo(Shaper.LEAST_OCTETS / 1000);
  }

  /// Not by what the queue held before: at 1 Mb/s that would be 8 s.
  @Test
  void theDelayIsBoundedByTheNewRateWhenItIsLowered() {
    RawGuest guest = guest("1Gb/s");
    receive(guest);
    for (int i = 0; i < 20; i++) {
      send(1000, 9000);
      receiveFor(guest, MILLI);
    }
    change(guest, "1Mb/s");
    for (int milli = 0; milli < 20_000; milli++) {
      send(1, 1000);
      house.advance(MILLI);
      if (milli == 12_000) {
        longestDelay = 0;
      }
      receive(guest);
    }
    assertThat(longestDelay).isBetween(200 * MILLI, 270 * MILLI);
  }

  @Test
  void whatHasWaitedForTenSecondsIsDropped() {
    RawGuest guest = guest("8b/s@1s");
    receive(guest);
    exhaust(guest);
    long dropped = drops(guest, DropReason.RATE_LIMITED);
    receiveFor(guest, 9 * SECOND);
    assertThat(drops(guest, DropReason.RATE_LIMITED)).isEqualTo(dropped);
    receiveFor(guest, 2 * SECOND);
    assertThat(drops(guest, DropReason.RATE_LIMITED))
        .isEqualTo(dropped + Shaper.LEAST_OCTETS / 1000);
    house.advance(2 * SECOND);
    assertThat(house.loop.pendingTimers()).isZero();
  }

  @Test
  void aGuestOverItsRateIsNotTakenForStalled() {
    RawGuest guest = guest("8b/s@1s");
    receive(guest);
    for (int second = 0; second < 100; second++) {
      send(40, 1000);
      receiveFor(guest, SECOND / 100);
      house.advance(SECOND);
    }
    assertThat(guest.rx().stalls()).isZero();
    assertThat(guest.statistics().carrier()).isTrue();
    assertThat(guest.statistics().drops().keySet()).containsExactly(DropReason.RATE_LIMITED);
  }

  @Test
  void aGuestWithoutBuffersIsTakenForStalledAtARateToo() {
    RawGuest guest = guest("10Mb/s");
    for (int second = 0; second < 70; second += 5) {
      send(1, 1000);
      house.advance(5 * SECOND);
    }
    assertThat(guest.rx().stalls()).isEqualTo(1);
    assertThat(guest.statistics().carrier()).isFalse();
  }

  @Test
  void nothingStaysOfADisconnectedGuest() {
    RawGuest guest = guest("1Mb/s");
    receive(guest);
    exhaust(guest);
    guest.vif.disconnect();
    assertThat(drops(guest, DropReason.PORT_DOWN)).isEqualTo(Shaper.LEAST_OCTETS / 1000);
    house.settle();
    assertThat(house.loop.pendingTimers()).isZero();
    assertThat(guest.isUnmapped()).isTrue();
    // It has no new burst by connecting again.
    guest.resetRings();
    guest.connect();
    receive(guest);
    int before = received;
    send(100, 1000);
    receiveFor(guest, 40 * MILLI);
    assertThat(received - before).isLessThan(10);
  }

  /// Its frames go where those of a guest go that is not there.
  @Test
  void whatWaitsForAGuestThatBreaksItsRingIsDropped() {
    RawGuest guest = guest("1Mb/s");
    receive(guest);
    exhaust(guest);
    guest.queue().rxPage.memory().set(ValueLayout.JAVA_INT, 0, 100_000);
    guest.queue().rxChannel.notifyPeer();
    house.settle();
    assertThat(guest.failures).hasSize(1);
    house.advance(2 * SECOND);
    assertThat(drops(guest, DropReason.PORT_DOWN)).isEqualTo(Shaper.LEAST_OCTETS / 1000);
    assertThat(house.loop.pendingTimers()).isZero();
  }

  @Test
  void anIdleGuestCostsNoTimer() {
    RawGuest guest = guest("10Mb/s");
    receive(guest);
    send(10, 1000);
    house.settle();
    assertThat(house.loop.pendingTimers()).isZero();
    exhaust(guest);
    receiveFor(guest, 100 * MILLI);
    house.advance(2 * SECOND);
    assertThat(house.loop.pendingTimers()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"10Mb/s", "99Mb/s", "8b/s@1s"})
  void longFramesComeInSegmentsAtALowRate(String rate) {
    RawGuest guest = guest(rate);
    OffloadSet limited = guest.vif.port().accepts();
    change(guest, "");
    OffloadSet unlimited = guest.vif.port().accepts();
    assertThat(unlimited.tcpv4Segmentation()).isTrue();
    assertThat(unlimited.tcpv6Segmentation()).isTrue();
    assertThat(limited).isEqualTo(unlimited.withoutSegmentation());
  }

  @ParameterizedTest
  @ValueSource(strings = {"100Mb/s", "1Gb/s"})
  void longFramesComeWholeAtAHighRate(String rate) {
    RawGuest guest = guest(rate);
    OffloadSet limited = guest.vif.port().accepts();
    assertThat(limited.tcpv4Segmentation()).isTrue();
    change(guest, "");
    assertThat(limited).isEqualTo(guest.vif.port().accepts());
  }

  @ParameterizedTest
  @CsvSource({
    "8b/s@1s, 32768",
    "1Mb/s, 32768",
    "10Mb/s, 62500",
    "100Mb/s, 625000",
    "1Gb/s, 1048576",
    "100Gb/s, 1048576",
    "none, 1048576"
  })
  void boundsWhatWaitsByTheRate(String rate, int octets) {
    assertThat(Shaper.bound(Rate.parse(rate))).isEqualTo(octets);
  }

  /// Between two looks at the clock, what the test puts into `atLooks` happens.
  private static Credit spentCredit(SteppedLoop loop, Deque<Runnable> atLooks) {
    Credit credit =
        new Credit(
            () -> {
              Runnable other = atLooks.poll();
              if (other != null) {
                other.run();
              }
              return loop.nanoTime();
            });
    boolean _ = credit.limitTo(Rate.parse("1Mb/s"));
    credit.spend(BURST);
    return credit;
  }

  private static Shaper shaper(
      SteppedLoop loop, Credit credit, PortTraffic traffic, List<Integer> lengths) {
    return new Shaper(
        loop,
        credit,
        traffic,
        (frames, base, mask) -> {
          for (long rest = mask; rest != 0; rest &= rest - 1) {
            lengths.add(frames.get(base + Long.numberOfTrailingZeros(rest)).length());
          }
        });
  }

  private static FrameBatch frames(int... lengths) {
    FrameBatch frames = new FrameBatch(lengths.length);
    FrameArena arena = new FrameArena(Arena.ofAuto(), lengths.length, 2L * OffloadSet.MAX_LENGTH);
    for (int length : lengths) {
      frames.add(arena.allocate(length));
    }
    return frames;
  }

  /// A thread that has found credit just before frames had to wait spends it when the timer has
  /// found it too.
  @Test
  void whoSpendsMeanwhileLeavesNothingUndefined() {
    SteppedLoop loop = new SteppedLoop();
    Deque<Runnable> atLooks = new ArrayDeque<>();
    Credit credit = spentCredit(loop, atLooks);
    List<Integer> left = new ArrayList<>();
    Shaper shaper = shaper(loop, credit, new PortTraffic(), left);
    shaper.keep(frames(100, 200), 0, 0b11);
    atLooks.add(() -> credit.spend(1000));
    loop.advance(SECOND);
    assertThat(left).containsExactly(100, 200);
    shaper.close();
  }

  /// It came when the rate was higher, and would never get through.
  @Test
  void anEmptyQueueTakesAFrameThatIsLongerThanItsBound() {
    SteppedLoop loop = new SteppedLoop();
    PortTraffic traffic = new PortTraffic();
    List<Integer> left = new ArrayList<>();
    Shaper shaper = shaper(loop, spentCredit(loop, new ArrayDeque<>()), traffic, left);
    shaper.keep(frames(OffloadSet.MAX_LENGTH, 100), 0, 0b11);
    loop.advance(SECOND);
    assertThat(left).containsExactly(OffloadSet.MAX_LENGTH);
    assertThat(traffic.counters().drops()).containsEntry(DropReason.RATE_LIMITED, 1L);
    shaper.close();
  }

  /// There is credit again before the timer goes off.
  @Test
  void framesThatWaitAreNotOvertaken() {
    SteppedLoop loop = new SteppedLoop();
    List<Integer> left = new ArrayList<>();
    Credit credit = spentCredit(loop, new ArrayDeque<>());
    Shaper shaper = shaper(loop, credit, new PortTraffic(), left);
    shaper.keep(frames(100), 0, 0b1);
    loop.advance(MILLI / 10);
    assertThat(credit.isSpent()).isFalse();
    assertThat(left).isEmpty();
    assertThat(shaper.pass(frames(200), 0, 0b1)).isZero();
    shaper.keep(frames(200), 0, 0b1);
    loop.advance(SECOND);
    assertThat(left).containsExactly(100, 200);
    shaper.close();
  }
}
