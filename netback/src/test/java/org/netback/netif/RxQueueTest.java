package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.vswitch.DropReason;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;

/// What becomes of frames for a guest that has too few buffers for them (XSA-392).
final class RxQueueTest {
  private final House house = new House();
  private final RawGuest sender = house.guest(-100).connect();

  @AfterEach
  void close() {
    house.close();
  }

  private RawGuest receiver(String... without) {
    RawGuest guest = house.guest(-100);
    for (String key : without) {
      guest.remove(key);
    }
    return guest.connect();
  }

  private void send(int length) {
    sender.queue().send(Frames.udp(1, 2, length), 4096, 0);
    house.settle();
    assertThat(sender.queue().statuses()).containsOnly(0);
  }

  private void sendGso() {
    sender
        .queue()
        .send(
            Frames.tcp(1, 2, 60000),
            4096,
            TxRequest.CSUM_BLANK,
            new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
    house.settle();
    assertThat(sender.queue().statuses()).hasSize(16);
  }

  private static void seconds(House house, long seconds) {
    house.advance(TimeUnit.SECONDS.toNanos(seconds));
  }

  private static List<Integer> lengths(RawGuest guest) {
    return guest.queue().receive().stream().map(frame -> frame.octets().length).toList();
  }

  @Test
  void keepsFramesUntilTheGuestPostsBuffers() {
    RawGuest guest = receiver();
    for (int length = 60; length < 80; length++) {
      send(length);
    }
    assertThat(guest.rx().backlogFrames()).isEqualTo(20);
    guest.queue().post(15);
    house.settle();
    assertThat(lengths(guest)).hasSize(15).startsWith(60, 61).endsWith(74);
    send(90);
    guest.queue().post(15);
    house.settle();
    assertThat(lengths(guest)).containsExactly(75, 76, 77, 78, 79, 90);
    assertThat(guest.rx().backlogFrames()).isZero();
    assertThat(guest.statistics().drops()).isEmpty();
  }

  @Test
  void beginsAFrameOnlyWhenItCanBeFinished() {
    RawGuest guest = receiver();
    guest.queue().post(15);
    sendGso();
    send(60);
    assertThat(guest.queue().rxResponses()).isEmpty();
    guest.queue().post(1);
    house.settle();
    assertThat(lengths(guest)).containsExactly(60000);
    guest.queue().post(1);
    house.settle();
    assertThat(lengths(guest)).containsExactly(60);
  }

  @Test
  void asksForAnEventOnlyWhileFramesWait() {
    RawGuest guest = receiver();
    guest.queue().post(1);
    house.settle();
    long before = guest.rx().events();
    guest.queue().post(50);
    house.settle();
    assertThat(guest.rx().events()).isEqualTo(before);
    sendGso();
    sendGso();
    sendGso();
    sendGso();
    assertThat(guest.rx().backlogFrames()).isEqualTo(1);
    assertThat(lengths(guest)).hasSize(3);
    guest.queue().post(12);
    house.settle();
    assertThat(guest.rx().events()).isEqualTo(before);
    guest.queue().post(1);
    house.settle();
    assertThat(guest.rx().events()).isEqualTo(before + 1);
    assertThat(lengths(guest)).hasSize(1);
  }

  @Test
  void boundsWhatWaits() {
    RawGuest guest = receiver();
    for (int i = 0; i < 2000; i++) {
      send(1500);
    }
    int bound = RxBacklog.capacity(1);
    assertThat(bound).isEqualTo(2 << 20);
    assertThat(guest.rx().backlogOctets())
        .isLessThanOrEqualTo(bound)
        .isGreaterThan(bound - (2 << 10));
    assertThat(guest.statistics().drops())
        .containsEntry(DropReason.BACKLOG_FULL, 2000L - guest.rx().backlogFrames());
    for (int i = 0; i < 10_000; i++) {
      send(60);
    }
    assertThat(guest.rx().backlogOctets()).isLessThanOrEqualTo(RxBacklog.capacity(1));
    assertThat(guest.rx().backlogFrames()).isLessThanOrEqualTo(4096);
  }

  /// More queues give a guest more memory of the backend's only from the fifth on.
  @ParameterizedTest
  @CsvSource({"1, 2048", "2, 1024", "3, 682", "4, 512", "8, 512"})
  void sharesTheBoundAmongAVifsQueues(int queues, int kib) {
    assertThat(RxBacklog.capacity(queues) >> 10).isEqualTo(kib);
  }

  @Test
  void boundsTheNumberOfShortFramesThatWait() {
    RawGuest guest = receiver();
    for (int i = 0; i < 5000; i++) {
      send(60);
    }
    assertThat(guest.rx().backlogFrames()).isEqualTo(4096);
    assertThat(guest.statistics().drops()).containsEntry(DropReason.BACKLOG_FULL, 904L);
  }

  /// Frames of all lengths go round the backlog's memory many times and come out as they went in.
  @Test
  void keepsFramesIntactHoweverTheyLieInMemory() {
    RawGuest guest = receiver();
    int sent = 0;
    int received = 0;
    for (int round = 0; round < 60; round++) {
      for (int i = 0; i < 12; i++) {
        int length = 60 + (sent * 7919 + 13) % 60000;
        sender.queue().send(Frames.udp(1, 2, 1 + sent % 60000, length), 4096, 0);
        sent++;
        house.settle();
        assertThat(sender.queue().statuses()).containsOnly(0);
      }
      long full = guest.statistics().drops().getOrDefault(DropReason.BACKLOG_FULL, 0L);
      guest.queue().post(Math.min(200, guest.queue().rx.freeRequests()));
      house.settle();
      for (RawGuest.Received frame : guest.queue().receive()) {
        int port = (frame.octets()[34] & 0xff) << 8 | frame.octets()[35] & 0xff;
        assertThat(frame.octets())
            .isEqualTo(Frames.udp(1, 2, port, 60 + ((port - 1) * 7919 + 13) % 60000));
        received++;
      }
      assertThat(received + guest.rx().backlogFrames() + full).isEqualTo(sent);
    }
    assertThat(received).isGreaterThan(300);
  }

  @Test
  void dropsWhatHasWaitedForTenSeconds() {
    RawGuest guest = receiver();
    send(60);
    seconds(house, 6);
    send(61);
    seconds(house, 5);
    assertThat(guest.rx().backlogFrames()).isEqualTo(1);
    assertThat(guest.statistics().drops()).containsEntry(DropReason.BACKLOG_EXPIRED, 1L);
    seconds(house, 6);
    assertThat(guest.rx().backlogFrames()).isZero();
    guest.queue().post(3);
    house.settle();
    assertThat(guest.queue().receive()).isEmpty();
    assertThat(guest.statistics().drops()).containsOnlyKeys(DropReason.BACKLOG_EXPIRED);
  }

  /// One buffer that is kept free is not enough for what waits, so it does not stop the clock.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 15})
  void takesAGuestForStalledThatKeepsTooFewBuffersFree(int kept) {
    RawGuest guest = receiver();
    guest.queue().post(kept);
    for (int second = 0; second < 59; second++) {
      sendGso();
      seconds(house, 1);
      assertThat(guest.statistics().carrier()).isTrue();
      assertThat(guest.rx().backlogOctets()).isLessThanOrEqualTo(RxBacklog.capacity(1));
    }
    sendGso();
    seconds(house, 2);
    assertThat(guest.statistics().carrier()).isFalse();
    assertThat(guest.rx().stalled()).isTrue();
    assertThat(guest.rx().backlogFrames()).isZero();
    assertThat(house.store.read("/local/domain/0/backend/vif/2/0/carrier")).contains("0");
    long stalled = guest.statistics().drops().getOrDefault(DropReason.STALLED, 0L);
    sendGso();
    assertThat(guest.statistics().drops()).containsEntry(DropReason.STALLED, stalled + 1);
    assertThat(guest.queue().rxResponses()).isEmpty();
    guest.queue().post(16);
    house.settle();
    assertThat(guest.statistics().carrier()).isTrue();
    assertThat(house.store.read("/local/domain/0/backend/vif/2/0/carrier")).contains("1");
    sendGso();
    assertThat(lengths(guest)).containsExactly(60000);
    assertThat(guest.failures).isEmpty();
  }

  @Test
  void doesNotTakeASlowGuestForStalled() {
    RawGuest guest = receiver();
    for (int second = 0; second < 200; second++) {
      send(60);
      send(60);
      if (second % 9 == 0) {
        guest.queue().post(1);
        house.settle();
        guest.queue().receive();
      }
      seconds(house, 1);
      assertThat(guest.statistics().carrier()).isTrue();
    }
  }

  @Test
  void startsTheStallClockAnewWithADeliveryThatLeavesFramesWaiting() {
    RawGuest guest = receiver();
    for (int second = 0; second < 59; second++) {
      send(60);
      seconds(house, 1);
    }
    guest.queue().post(1);
    house.settle();
    assertThat(lengths(guest)).hasSize(1);
    assertThat(guest.rx().backlogFrames()).isPositive();
    seconds(house, 2);
    assertThat(guest.statistics().carrier()).isTrue();
    assertThat(guest.rx().backlogFrames()).isPositive();
  }

  @Test
  void keepsTheCarrierWhileOneQueueIsAlive() {
    RawGuest guest = house.guest();
    guest.useQueues(2);
    guest.connect();
    guest.queues.get(0).post(250);
    for (int second = 0; second < 62; second++) {
      for (int port = 1; port < 8; port++) {
        sender.queue().send(Frames.udp(1, 2, port, 60));
      }
      house.settle();
      sender.queue().responses();
      guest.queues.get(0).post(guest.queues.get(0).receive().size());
      seconds(house, 1);
    }
    List<QueueStatistics> queues = guest.statistics().queues();
    assertThat(queues.get(0).rx().stalled()).isFalse();
    assertThat(queues.get(1).rx().stalled()).isTrue();
    assertThat(guest.statistics().carrier()).isTrue();
  }

  /// Without `feature-rx-notify` nobody says when there are buffers: look often, wait little.
  @Test
  void doesNotWaitForAGuestThatDoesNotNotify() {
    RawGuest guest = receiver("feature-rx-notify");
    send(60);
    house.advance(TimeUnit.MILLISECONDS.toNanos(5));
    guest.queue().postPage(guest.page(false), 300 + (guest.queue().rx.reqProdPvt() & 0xff));
    // The backend asks all the same, and this guest does not listen.
    assertThat(guest.queue().rx.push()).isTrue();
    house.advance(TimeUnit.MILLISECONDS.toNanos(5));
    assertThat(lengths(guest)).containsExactly(60);
    for (int i = 0; i < 100; i++) {
      send(60);
      seconds(house, 1);
      assertThat(guest.rx().backlogFrames()).isZero();
    }
    assertThat(guest.statistics().drops()).containsEntry(DropReason.BACKLOG_EXPIRED, 100L);
    assertThat(guest.statistics().carrier()).isTrue();
  }

  @Test
  void leavesNeitherTimersNorMemoryBehind() {
    RawGuest guest = receiver();
    send(60);
    assertThat(house.loop.pendingTimers()).isEqualTo(1);
    guest.queue().post(1);
    house.settle();
    seconds(house, 12);
    assertThat(house.loop.pendingTimers()).isZero();
    send(60);
    guest.vif.disconnect();
    house.settle();
    assertThat(house.loop.pendingTimers()).isZero();
    assertThat(guest.statistics().drops()).containsEntry(DropReason.PORT_DOWN, 1L);
  }

  @Test
  void dropsWhatWaitsWhenItsTimeIsUpAndNotBefore() {
    RawGuest guest = receiver();
    send(60);
    seconds(house, 3);
    send(61);
    send(62);
    house.advance(TimeUnit.SECONDS.toNanos(7) - 1);
    assertThat(guest.rx().backlogFrames()).isEqualTo(3);
    house.advance(1);
    assertThat(guest.rx().backlogFrames()).isEqualTo(2);
    assertThat(guest.rx().backlogOctets()).isEqualTo(61 + 62);
    house.advance(TimeUnit.SECONDS.toNanos(3) - 1);
    assertThat(guest.rx().backlogFrames()).isEqualTo(2);
    house.advance(1);
    assertThat(guest.rx().backlogFrames()).isZero();
    assertThat(guest.statistics().drops()).containsEntry(DropReason.BACKLOG_EXPIRED, 3L);
  }

  @Test
  void takesAGuestForStalledWhenItsTimeIsUpAndNotBefore() {
    RawGuest guest = receiver();
    for (int second = 0; second < 60; second++) {
      send(60);
      house.advance(TimeUnit.SECONDS.toNanos(1) - (second == 59 ? 1 : 0));
    }
    assertThat(guest.rx().stalled()).isFalse();
    house.advance(1);
    assertThat(guest.rx().stalled()).isTrue();
    assertThat(guest.rx().stalls()).isEqualTo(1);
    assertThat(guest.statistics().drops())
        .containsEntry(DropReason.BACKLOG_EXPIRED, 51L)
        .containsEntry(DropReason.STALLED, 9L);
    assertThat(guest.rx().backlogOctets()).isZero();
    send(60);
    assertThat(guest.statistics().drops()).containsEntry(DropReason.STALLED, 10L);
    guest.queue().post(1);
    house.settle();
    assertThat(guest.rx().stalled()).isFalse();
    // A guest that is back has all its time again.
    send(60);
    send(60);
    seconds(house, 9);
    assertThat(guest.rx().stalled()).isFalse();
    assertThat(lengths(guest)).containsExactly(60);
    assertThat(guest.rx().stalls()).isEqualTo(1);
  }

  /// A stalled guest is asked to say when it posts a buffer, however many it had kept.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 14})
  void hearsOfTheFirstBufferOfAStalledGuest(int kept) {
    RawGuest guest = receiver();
    guest.queue().post(kept);
    for (int second = 0; second < 61; second++) {
      sendGso();
      seconds(house, 1);
    }
    assertThat(guest.rx().stalled()).isTrue();
    assertThat(guest.queue().rxResponses()).isEmpty();
    guest.queue().post(1);
    house.settle();
    assertThat(guest.rx().stalled()).isFalse();
    assertThat(guest.statistics().carrier()).isTrue();
  }

  /// Looked at every 2 ms, and dropped after 30.
  @Test
  void looksForBuffersOfAGuestThatDoesNotNotify() {
    RawGuest guest = receiver("feature-rx-notify");
    send(60);
    guest.queue().postPage(guest.page(false), 300 + (guest.queue().rx.reqProdPvt() & 0xff));
    assertThat(guest.queue().rx.push()).isTrue();
    house.advance(TimeUnit.MILLISECONDS.toNanos(2) - 1);
    assertThat(guest.queue().rxResponses()).isEmpty();
    house.advance(1);
    assertThat(lengths(guest)).containsExactly(60);
    send(61);
    house.advance(TimeUnit.MILLISECONDS.toNanos(30) - 1);
    assertThat(guest.rx().backlogFrames()).isEqualTo(1);
    house.advance(1);
    assertThat(guest.rx().backlogFrames()).isZero();
    assertThat(guest.statistics().drops()).containsEntry(DropReason.BACKLOG_EXPIRED, 1L);
    assertThat(guest.rx().stalls()).isZero();
  }

  /// The memory goes a second after the last frame had to wait, once somebody looks.
  @Test
  void keepsItsMemoryWhileFramesHaveToWaitNowAndThen() {
    RawGuest guest = receiver();
    send(60);
    guest.queue().post(1);
    house.settle();
    house.advance(TimeUnit.MILLISECONDS.toNanos(9500));
    assertThat(lengths(guest)).containsExactly(60);
    send(60);
    guest.queue().post(1);
    house.settle();
    house.advance(TimeUnit.SECONDS.toNanos(1) - 1);
    assertThat(house.loop.pendingTimers()).isEqualTo(1);
    house.advance(1);
    assertThat(house.loop.pendingTimers()).isZero();
    assertThat(lengths(guest)).containsExactly(60);
  }

  @Test
  void countsWhatItDoes() {
    RawGuest guest = receiver();
    guest.queue().post(2);
    house.settle();
    int start = guest.rx().ring().reqCons();
    long events = guest.rx().events();
    long spurious = guest.rx().spuriousEvents();
    int heard = guest.queue().rxEvents;
    send(60);
    assertThat(guest.rx().notifications()).isEqualTo(1);
    assertThat(guest.queue().rxEvents).isEqualTo(heard + 1);
    // The guest has not asked to hear of the second.
    send(70);
    assertThat(guest.queue().rxEvents).isEqualTo(heard + 1);
    assertThat(guest.rx().batches()).isEqualTo(2);
    assertThat(guest.rx().notifications()).isEqualTo(1);
    assertThat(guest.rx().notificationsSaved()).isEqualTo(1);
    send(80);
    send(90);
    assertThat(guest.rx().frames()).isEqualTo(2);
    assertThat(guest.rx().octets()).isEqualTo(130);
    assertThat(guest.rx().backlogged()).isEqualTo(2);
    assertThat(guest.rx().backlogOctets()).isEqualTo(170);
    assertThat(guest.rx().events()).isEqualTo(events);
    assertThat(guest.rx().spuriousEvents()).isEqualTo(spurious);
    guest.queue().rxChannel.notifyPeer();
    house.settle();
    assertThat(guest.rx().events()).isEqualTo(events + 1);
    assertThat(guest.rx().spuriousEvents()).isEqualTo(spurious + 1);
    guest.queue().post(3);
    house.advance(TimeUnit.MILLISECONDS.toNanos(100));
    assertThat(guest.rx().events()).isEqualTo(events + 2);
    assertThat(guest.rx().spuriousEvents()).isEqualTo(spurious + 1);
    assertThat(guest.rx().frames()).isEqualTo(4);
    assertThat(guest.rx().octets()).isEqualTo(300);
    assertThat(guest.rx().batches()).isEqualTo(3);
    assertThat(guest.rx().backlogFrames()).isZero();
    assertThat(guest.rx().backlogOctets()).isZero();
    assertThat(guest.rx().ring().reqCons()).isEqualTo(start + 4);
    assertThat(guest.rx().ring().rspProd()).isEqualTo(start + 4);
    assertThat(guest.statistics().egressFrames()).isEqualTo(4);
    assertThat(guest.statistics().egressOctets()).isEqualTo(300);
    assertThat(lengths(guest)).containsExactly(60, 70, 80, 90);
  }

  /// Of several frames that are delivered together, those count that have arrived.
  @Test
  void countsOnlyTheFramesOfABatchThatArrived() {
    RawGuest guest = receiver();
    RawGuest.Queue queue = guest.queue();
    for (int bad : new int[] {1, 3, 1}) {
      long octets = guest.rx().octets();
      long frames = guest.rx().frames();
      for (int i = 0; i < 3; i++) {
        int gref = i == bad ? 1_000_000 : guest.page(false).gref();
        queue.rx.putRequest(new RxRequest(i, gref));
      }
      queue.pushRx();
      for (int i = 0; i < 3; i++) {
        sender.queue().send(Frames.udp(1, 2, 60 + 10 * i));
      }
      house.settle();
      assertThat(sender.queue().statuses()).containsExactly(0, 0, 0);
      boolean all = bad == 3;
      assertThat(queue.rxResponses())
          .extracting(RxResponse::status)
          .containsExactly(60, all ? 70 : RxResponse.ERROR, 80);
      assertThat(guest.rx().octets() - octets).isEqualTo(all ? 210 : 140);
      assertThat(guest.rx().frames() - frames).isEqualTo(all ? 3 : 2);
    }
    assertThat(guest.rx().batches()).isEqualTo(3);
    assertThat(guest.rx().copyFailures()).isEqualTo(2);
    assertThat(guest.statistics().egressOctets()).isEqualTo(490);
    assertThat(guest.statistics().drops()).containsEntry(DropReason.DELIVERY_FAILED, 2L);
  }
}
