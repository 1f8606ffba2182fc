package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A credit to the octet and the nanosecond, with a clock that passes its greatest value.
final class CreditTest {
  private static final int BURST = 128 << 10;

  /// A microsecond for each octet.
  private static final Rate MEGABYTE = new Rate(1000, 1000);

  private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 1000);
  private final Credit credit = new Credit(clock::get);

  @Test
  void isNotSpentWithoutARate() {
    assertThat(credit.isLimited()).isFalse();
    credit.spend(Integer.MAX_VALUE);
    assertThat(credit.book(Integer.MAX_VALUE, Integer.MAX_VALUE)).isZero();
    assertThat(credit.isSpent()).isFalse();
    assertThat(credit.nanosUntilCredit()).isZero();
    // What was sent without a rate is not charged later.
    assertThat(credit.limitTo(MEGABYTE)).isTrue();
    credit.spend(BURST - 1);
    assertThat(credit.isSpent()).isFalse();
  }

  @Test
  void isSpentWithTheLastOctetOfItsBurst() {
    assertThat(credit.limitTo(MEGABYTE)).isTrue();
    assertThat(credit.isLimited()).isTrue();
    assertThat(credit.rate()).isEqualTo(MEGABYTE);
    credit.spend(BURST - 1);
    assertThat(credit.isSpent()).isFalse();
    assertThat(credit.nanosUntilCredit()).isNotPositive();
    credit.spend(1);
    assertThat(credit.isSpent()).isTrue();
    assertThat(credit.nanosUntilCredit()).isEqualTo(1);
    clock.addAndGet(1);
    assertThat(credit.isSpent()).isFalse();
  }

  /// A packet goes when there is any credit, and what it costs too much is waited for.
  @Test
  void makesWhatWasOverdrawnWaitedFor() {
    credit.limitTo(MEGABYTE);
    credit.spend(BURST - 1);
    credit.spend(65_535);
    assertThat(credit.nanosUntilCredit()).isEqualTo(65_534_001);
    clock.addAndGet(65_534_000);
    assertThat(credit.isSpent()).isTrue();
    clock.addAndGet(1);
    assertThat(credit.isSpent()).isFalse();
  }

  @Test
  void savesUpOneBurstAtMost() {
    credit.limitTo(MEGABYTE);
    clock.addAndGet(TimeUnit.DAYS.toNanos(1));
    credit.spend(BURST);
    assertThat(credit.nanosUntilCredit()).isEqualTo(1);
  }

  @Test
  void beginsWithAWholeBurstWhenTheRateChangesOnly() {
    credit.limitTo(MEGABYTE);
    credit.spend(BURST);
    assertThat(credit.limitTo(new Rate(1000, 1000))).isFalse();
    assertThat(credit.isSpent()).isTrue();
    assertThat(credit.limitTo(new Rate(2_000_000, 1_000_000))).isTrue();
    assertThat(credit.isSpent()).isFalse();
    credit.spend(2_000_000);
    assertThat(credit.nanosUntilCredit()).isEqualTo(1);
    assertThat(credit.limitTo(Rate.UNLIMITED)).isTrue();
    assertThat(credit.isSpent()).isFalse();
  }

  /// 128 KiB, what the rate is worth in its interval, or 4 ms, whichever is the most; and what
  /// would last longer than a year lasts a year.
  @ParameterizedTest
  @CsvSource({
    "1000, 1000, 131072",
    "131073, 131073, 131073",
    "1000, 1, 4000000",
    "32769, 1000, 131076",
    "32767, 1000, 131072"
  })
  void savesUpWhatTheRateAllows(long octets, long micros, int burst) {
    credit.limitTo(new Rate(octets, micros));
    credit.spend(burst - 1);
    assertThat(credit.isSpent()).isFalse();
    credit.spend(2);
    assertThat(credit.isSpent()).isTrue();
  }

  @Test
  void knowsNoTimeLongerThanAYear() {
    credit.limitTo(new Rate(1, Rate.MOST_MICROS));
    credit.spend(Integer.MAX_VALUE);
    assertThat(credit.nanosUntilCredit()).isEqualTo(1);
    credit.spend(Integer.MAX_VALUE);
    assertThat(credit.nanosUntilCredit()).isEqualTo(TimeUnit.DAYS.toNanos(365) + 1);
  }

  /// Half a millisecond's worth, and a frame of the usual length at least.
  @ParameterizedTest
  @CsvSource({
    "1000000, 1514",
    "3028000, 1514",
    "3030000, 1515",
    "100000000, 50000",
    "999999999999999, 1073741824"
  })
  void booksHalfAMillisecond(long perSecond, int quantum) {
    credit.limitTo(new Rate(perSecond, 1_000_000));
    assertThat(credit.quantum()).isEqualTo(quantum);
  }

  @Test
  void tellsWhenABookingIsDue() {
    credit.limitTo(MEGABYTE);
    assertThat(credit.book(0, BURST)).isEqualTo(-BURST * 1000L);
    assertThat(credit.book(0, 1000)).isZero();
    assertThat(credit.book(500, 1000)).isEqualTo(1_500_000);
    assertThat(credit.nanosUntilCredit()).isEqualTo(2_500_001);
    credit.spend(-1000);
    assertThat(credit.nanosUntilCredit()).isEqualTo(1_500_001);
    clock.addAndGet(1_500_000);
    assertThat(credit.book(0, 1)).isZero();
  }
}
