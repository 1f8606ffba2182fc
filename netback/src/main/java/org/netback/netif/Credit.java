package org.netback.netif;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/// What a vif may still send at its [Rate], in one direction: a token bucket, one for all queues,
/// so that a guest gets no more by having more of them, nor by connecting again.
///
/// Kept as a time: up to when what has been sent is paid for. There is credit while that time is
/// past; a packet is let go when there is any, whatever its length, and what it costs too much is
/// waited for afterwards. So the mean is exact, and nothing has to be known of a packet before it
/// is taken. What is saved up is bounded by the burst: 128 KiB, or what the rate is worth in its
/// interval, if that is more.
///
/// Any thread, without a lock. Queues that spend at the same moment may each be let go one packet,
/// which all of them wait for.
final class Credit {
  /// As in Linux, where the largest packets have to pass at any rate.
  private static final long LEAST_BURST = 128 << 10;

  /// Whoever waits for credit sleeps for about a millisecond at least, and must find what has been
  /// earned meanwhile.
  private static final long LEAST_BURST_NANOS = TimeUnit.MILLISECONDS.toNanos(4);

  private static final long LONGEST_NANOS = TimeUnit.DAYS.toNanos(365);

  private final LongSupplier nanoClock;
  private final AtomicLong paidUntil = new AtomicLong();
  private volatile Terms terms = new Terms(Rate.UNLIMITED);

  Credit(LongSupplier nanoClock) {
    this.nanoClock = nanoClock;
  }

  private static final class Terms {
    final Rate rate;
    final boolean limited;
    final double nanosPerOctet;
    final long burstNanos;

    Terms(Rate rate) {
      this.rate = rate;
      this.limited = !rate.isUnlimited();
      this.nanosPerOctet = limited ? rate.nanosPerOctet() : 0;
      double burst = Math.max(LEAST_BURST, rate.octets()) * nanosPerOctet;
      this.burstNanos =
          Math.max(LEAST_BURST_NANOS, Math.round(Math.min(burst, (double) LONGEST_NANOS)));
    }
  }

  Rate rate() {
    return terms.rate;
  }

  /// Changes the rate; a new one begins with a whole burst.
  void limitTo(Rate rate) {
    if (!rate.equals(terms.rate)) {
      Terms changed = new Terms(rate);
      terms = changed;
      paidUntil.set(nanoClock.getAsLong() - changed.burstNanos);
    }
  }

  boolean isLimited() {
    return terms.limited;
  }

  boolean isSpent() {
    return terms.limited && paidUntil.get() - nanoClock.getAsLong() >= 0;
  }

  /// Until there is credit again, if nobody spends meanwhile; 0 or less if there is some.
  long nanosUntilCredit() {
    return terms.limited ? paidUntil.get() - nanoClock.getAsLong() + 1 : 0;
  }

  void spend(int octets) {
    Terms now = terms;
    if (!now.limited) {
      return;
    }
    long cost = Math.round(Math.min(octets * now.nanosPerOctet, (double) LONGEST_NANOS));
    long earliest = nanoClock.getAsLong() - now.burstNanos;
    long before;
    long from;
    do {
      before = paidUntil.get();
      from = before - earliest < 0 ? earliest : before;
    } while (!paidUntil.compareAndSet(before, from + cost));
  }
}
