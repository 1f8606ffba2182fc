package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.vswitch.DropReason;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.store.StoreException;

/// The `rate` node, one credit per vif, and the toolstack's `mtu`.
final class RateTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final int BURST = 128 << 10;

  private final House house = new House();

  @AfterEach
  void close() {
    house.close();
  }

  private static void refresh(RawGuest guest) {
    try {
      guest.vif.refresh();
    } catch (StoreException e) {
      throw new AssertionError(e);
    }
  }

  /// Keeps the rings of a guest full for a time, and counts what the switch has got.
  private long octetsIn(RawGuest guest, long nanos, int length) {
    long before = guest.statistics().ingressOctets();
    for (long t = 0; t < nanos; t += TimeUnit.MILLISECONDS.toNanos(5)) {
      for (RawGuest.Queue queue : guest.queues) {
        assertThat(queue.statuses()).allMatch(status -> status == TxResponse.OKAY);
        while (queue.tx.freeRequests() > 20) {
          queue.send(Frames.udp(1, 9, length));
        }
      }
      house.settle();
      house.advance(TimeUnit.MILLISECONDS.toNanos(5));
      house.sink.take();
    }
    return guest.statistics().ingressOctets() - before;
  }

  /// 10 Mbit/s as xl writes it. Queues do not multiply it, and nothing is lost.
  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void aGuestSendsAtItsRateWhateverItsQueues(int queues) {
    RawGuest guest = house.guest(-100);
    guest.writeBackend("rate", "62500,50000");
    if (queues > 1) {
      guest.useQueues(queues);
    }
    guest.connect();
    long octets = octetsIn(guest, SECOND, 1000);
    assertThat(octets).isBetween(1_250_000L, 1_250_000L + BURST + 4L * 1000);
    long later = octetsIn(guest, SECOND, 300);
    assertThat(later).isBetween(1_240_000L, 1_260_000L);
    assertThat(guest.statistics().drops()).isEmpty();
    assertThat(guest.tx().throttled()).isPositive();
    assertThat(guest.failures).isEmpty();
    // The notifications that came while it waited are not held against it.
    assertThat(guest.tx().spuriousEvents()).isLessThanOrEqualTo(1);
  }

  @Test
  void aRateIsChangedWhileTheGuestWaits() {
    RawGuest guest = house.guest();
    guest.writeBackend("rate", "1,1000000");
    guest.connect();
    long first = octetsIn(guest, SECOND, 1000);
    assertThat(first).isBetween((long) BURST - 1000, BURST + 1000L);
    assertThat(octetsIn(guest, SECOND, 1000)).isZero();
    guest.writeBackend("rate", "62500,50000");
    refresh(guest);
    assertThat(octetsIn(guest, SECOND, 1000)).isBetween(1_150_000L, 1_250_000L + BURST + 1000);
    guest.writeBackend("rate", "");
    refresh(guest);
    assertThat(octetsIn(guest, SECOND / 10, 1000)).isGreaterThan(2_000_000);
  }

  /// Nor has it less for what it has booked, nor is it forgiven what it owes for long packets.
  @ParameterizedTest
  @CsvSource({"10, 1000, 110000, 130000", "100, 300, 110000, 135000", "10, 60000, 60000, 180000"})
  void aGuestHasNoNewBurstByConnectingAgain(int times, int length, long least, long most) {
    RawGuest guest = house.guest();
    guest.writeBackend("rate", "12500,100000");
    guest.connect();
    octetsIn(guest, SECOND, length);
    long octets = 0;
    for (int i = 0; i < times; i++) {
      guest.vif.disconnect();
      house.settle();
      guest.resetRings();
      guest.connect();
      octets += octetsIn(guest, SECOND / times, length);
    }
    assertThat(octets).isBetween(least, most);
  }

  @Test
  void aQueueThatWaitsForCreditCanBeStopped() {
    RawGuest guest = house.guest();
    guest.writeBackend("rate", "1,1000000");
    guest.connect();
    octetsIn(guest, SECOND / 10, 1000);
    guest.vif.disconnect();
    house.advance(10 * SECOND);
    assertThat(guest.isUnmapped()).isTrue();
    assertThat(house.loop.pendingTimers()).isZero();
  }

  /// However long the packets of each are, and whichever connected first.
  @Tag("long")
  @ParameterizedTest
  @CsvSource({
    "10Mb/s, 1000, 1000, 10",
    "10Mb/s, 1514, 300, 10",
    "1Mb/s, 1000, 1000, 10",
    "1Gb/s, 1514, 1514, 1"
  })
  void theQueuesOfAGuestShareItsRate(String rate, int length, int otherLength, int seconds) {
    RawGuest guest = house.guest();
    guest.writeBackend("rate", Rate.parse(rate).node());
    guest.useQueues(4);
    guest.connect();
    for (long t = 0; t < seconds * 1000L; t++) {
      for (int i = 0; i < 4; i++) {
        RawGuest.Queue queue = guest.queues.get(i);
        queue.responses();
        while (queue.tx.freeRequests() > 20) {
          queue.send(Frames.udp(1, 9, i % 2 == 0 ? length : otherLength));
        }
      }
      house.advance(SECOND / 1000);
      house.sink.take();
    }
    double total = guest.statistics().ingressOctets();
    double expected = Rate.parse(rate).octetsPerSecond() * seconds;
    assertThat(total)
        .isBetween(expected * 0.98, expected * 1.02 + Math.max(BURST, expected / seconds / 20));
    for (QueueStatistics queue : guest.statistics().queues()) {
      assertThat((double) queue.tx().octets())
          .as("queue %d of %.0f", queue.queue(), total)
          .isBetween(total / 4 * 0.9, total / 4 * 1.1);
    }
  }

  @Test
  void theTwoDirectionsHaveRatesOfTheirOwn() {
    RawGuest guest = house.guest();
    guest.writeBackend(Vif.RATE_TO_GUEST, "62500,50000");
    guest.connect();
    assertThat(guest.statistics().fromGuest()).isEqualTo(Rate.UNLIMITED);
    assertThat(guest.statistics().toGuest()).hasToString("10Mb/s");
    assertThat(octetsIn(guest, SECOND / 10, 1000)).isGreaterThan(1_000_000);
  }

  @Test
  void framesLongerThanTheMtuAreDropped() {
    RawGuest guest = house.guest(0, "1400").connect();
    RawGuest usual = house.guest(0, "").connect();
    guest.queue().post(50);
    usual.queue().post(50);
    Carrier carrier = new Carrier(house.sinkPort);
    for (int length : List.of(1414, 1418, 1419, 1514, 1518, 1519, 9000)) {
      carrier.send(0xffff_ffff_ffffL, length);
    }
    carrier.close();
    house.settle();
    assertThat(guest.queue().receive()).hasSize(2);
    assertThat(guest.statistics().drops()).containsEntry(DropReason.TOO_LONG, 5L);
    // As in Linux, 1500 where nothing is said.
    assertThat(usual.queue().receive()).hasSize(5);
  }

  @ParameterizedTest
  @CsvSource({
    "'62500,50000', 10Mb/s",
    "'1,1000000', 8b/s@1s",
    "'125,1000', 1Mb/s@1ms",
    "'9375,50000', 1500Kb/s",
    "'100,3000', 266.667Kb/s@3ms",
    "'1,4294967295', 0.002b/s@4294967295us",
    "'999999999999999,1', 7999999999999992Mb/s@1us"
  })
  void readsTheNode(String node, String shown) {
    assertThat(Rate.ofNode(node)).map(Rate::toString).contains(shown);
    assertThat(Rate.ofNode(node)).map(Rate::node).contains(node);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ",",
        "1",
        "1,",
        ",1",
        "-1,5",
        "1,-5",
        "1,5,6",
        " 1,5",
        "0,50000",
        "5,0",
        "a,b",
        "1,4294967296",
        "1000000000000000,1",
        "99999999999999999999,1"
      })
  void whatIsNoRateIsNoLimit(String node) {
    assertThat(Rate.ofNode(node)).isEqualTo(Optional.empty());
    RawGuest guest = house.guest();
    guest.writeBackend("rate", node);
    guest.connect();
    assertThat(guest.statistics().fromGuest()).isEqualTo(Rate.UNLIMITED);
  }

  /// As libxl writes what xl has read, tools/libs/util/libxlu_vif.c.
  @ParameterizedTest
  @CsvSource({
    "10Mb/s, '62500,50000'",
    "250KB/s, '12500,50000'",
    "1MB/s@20ms, '20000,20000'",
    "1MB/s@20m, '20000,20000'",
    "1MB/s@20us, '20,20'",
    "1MB/s@20u, '20,20'",
    "1MB/s@50s, '50000000,50000000'",
    "1MB/s@50, '50000000,50000000'",
    "1Gb/s@1s, '125000000,1000000'",
    "8b/s@1s, '1,1000000'",
    "15b/s@1s, '1,1000000'",
    "999b/s, '6,50000'",
    "010Mb/s, '50000,50000'",
    "1MB/s@010ms, '8000,8000'",
    "4294967295GB/s@1us, '4294967295000,1'",
    "8b/s@4294967295us, '4294,4294967295'",
    "8b/s@4294s, '4294,4294000000'",
    "2Gb/s@4294s, '1073500000000,4294000000'"
  })
  void takesWhatXlTakes(String written, String node) {
    assertThat(Rate.parse(written).node()).isEqualTo(node);
    assertThat(Rate.ofNode(node)).contains(Rate.parse(written));
  }

  /// What is shown of a rate of whole bits can be typed, and means the same.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "10Mb/s",
        "1500Kb/s",
        "960b/s",
        "20Mb/s@200ms",
        "1Gb/s@4294s",
        "8b/s@1s",
        "12Mb/s@20us",
        "none"
      })
  void showsWhatIsInForce(String written) {
    assertThat(Rate.parse(written)).hasToString(written);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "10",
        "10Mb",
        "10 Mb/s",
        " 10Mb/s",
        "10Mb/s ",
        "Mb/s",
        "10Xb/s",
        "10kb/s",
        "10mb/s",
        "10gB/s",
        "10MB/S",
        "-1Mb/s",
        "+1Mb/s",
        "1.5Mb/s",
        "0x10Mb/s",
        "10Mb/s@",
        "10Mb/s@ms",
        "10Mb/s@1.5ms",
        "10Mb/s@-1",
        "10Mb/s@20ns",
        "10Mb/s@20h",
        "10Mb/s@20 ms",
        "10Mb/s@20sm",
        "10Mb/s@20ms@20ms",
        "10Mb/s\n",
        "None"
      })
  void saysWhatARateLooksLike(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Rate.parse(text))
        .withMessageContaining('"' + text + '"')
        .withMessageContaining("10Mb/s");
  }

  @ParameterizedTest
  @CsvSource({
    "0Mb/s, the rate is a number from 1 to 4294967295",
    "4294967296b/s, the rate is a number from 1 to 4294967295",
    "99999999999999999999999Gb/s, the rate is a number from 1 to 4294967295",
    "018Mb/s, octal if it begins with 0",
    "1Mb/s@0, the interval is a number from 1 to 4294967295",
    "1Mb/s@4294967296us, the interval is a number from 1 to 4294967295",
    "1Mb/s@09ms, octal if it begins with 0",
    "20GB/s@999999s, 'the interval is 1us to 4294967295us'",
    "1Mb/s@4295s, 'the interval is 1us to 4294967295us'",
    "4294967295GB/s@50ms, 'at an interval of 50ms the rate is at most 368934881474191B/s'",
    "1b/s@1us, comes to no whole octet in its interval of 1us",
    "10b/s, comes to no whole octet in its interval of 50ms"
  })
  void saysWhichPartIsOutOfBounds(String text, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Rate.parse(text))
        .withMessageContaining('"' + text + '"')
        .withMessageContaining(message);
  }

  @Test
  void theMeanIsExactAtAnyRateAndTheClockMayWrap() {
    for (long perSecond : new long[] {1000, 1_250_000, 1_250_000_000}) {
      AtomicLong clock = new AtomicLong(Long.MAX_VALUE - SECOND / 2);
      Credit credit = new Credit(clock::get);
      credit.limitTo(new Rate(perSecond, 1_000_000));
      long spent = 0;
      long seconds = perSecond == 1000 ? 400 : 2;
      long end = clock.get() + seconds * SECOND;
      while (clock.get() - end < 0) {
        if (credit.isSpent()) {
          assertThat(credit.nanosUntilCredit()).isPositive();
          clock.addAndGet(credit.nanosUntilCredit());
        } else {
          credit.spend(1514);
          spent += 1514;
        }
      }
      long burst = Math.max(BURST, perSecond);
      assertThat((double) spent)
          .isBetween(perSecond * seconds * 0.99 + burst, perSecond * seconds * 1.01 + burst + 1514);
    }
  }
}
