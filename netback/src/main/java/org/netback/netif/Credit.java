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
/// Whoever is alone with its credit spends ([#spend]) while there is some. Queues that share one
/// take turns: each books a [#quantum] ([#book]), waits until that is due, and books the next when
/// it is used up; a packet that was longer is repaid by further ones. Bookings are due one after
/// the other, so no queue is passed over, however late its timer runs, and each gets the same
/// octets whatever its packets' length.
///
/// Any thread, without a lock.
final class Credit {
  /// As in Linux, where the largest packets have to pass at any rate.
  private static final long LEAST_BURST = 128 << 10;

  /// Whoever waits for credit sleeps for about a millisecond at least, and must find what has been
  /// earned meanwhile.
  private static final long LEAST_BURST_NANOS = TimeUnit.MILLISECONDS.toNanos(4);

  /// What a queue books at a time is worth so much: as long as its timer sleeps at least, so that
  /// those that wake late find what they have booked, and not those that wake early.
  private static final long QUANTUM_NANOS = TimeUnit.MICROSECONDS.toNanos(500);

  /// A frame of the usual length.
  private static final int LEAST_QUANTUM = 1514;

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
    final int quantum;

    Terms(Rate rate) {
      this.rate = rate;
      this.limited = !rate.isUnlimited();
      this.nanosPerOctet = limited ? rate.nanosPerOctet() : 0;
      double burst = Math.max(LEAST_BURST, rate.octets()) * nanosPerOctet;
      this.burstNanos =
          Math.max(LEAST_BURST_NANOS, Math.round(Math.min(burst, (double) LONGEST_NANOS)));
      this.quantum =
          (int) Math.clamp(rate.octetsPerSecond() * QUANTUM_NANOS / 1e9, LEAST_QUANTUM, 1 << 30);
    }

    long cost(int octets) {
      return Math.round(Math.min(octets * nanosPerOctet, (double) LONGEST_NANOS));
    }
  }

  Rate rate() {
    return terms.rate;
  }

  /// Changes the rate; a new one begins with a whole burst.
  ///
  /// @return whether it is new
  boolean limitTo(Rate rate) {
    if (rate.equals(terms.rate)) {
      return false;
    }
    Terms changed = new Terms(rate);
    terms = changed;
    paidUntil.set(nanoClock.getAsLong() - changed.burstNanos);
    return true;
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

  /// Pays for octets that were sent.
  ///
  /// @param octets negative to give back what was booked
  void spend(int octets) {
    book(octets, 0);
  }

  /// How many octets to book at a time.
  int quantum() {
    return terms.quantum;
  }

  /// Pays for octets that were sent, and for some more in advance.
  ///
  /// @param owed sent beyond what was booked before
  /// @param ahead may be sent when they are due, after those that are owed
  /// @return how long until then; 0 or less if they are due
  long book(int owed, int ahead) {
    Terms now = terms;
    if (!now.limited) {
      return 0;
    }
    long owedNanos = now.cost(owed);
    long cost = owedNanos + now.cost(ahead);
    long time = nanoClock.getAsLong();
    long earliest = time - now.burstNanos;
    long before;
    long from;
    do {
      before = paidUntil.get();
      from = earliest + Math.max(0, before - earliest);
    } while (!paidUntil.compareAndSet(before, from + cost));
    return from + owedNanos - time;
  }
}
