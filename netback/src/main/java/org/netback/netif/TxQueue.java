package org.netback.netif;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.netback.ctrl.GrefMappings;
import org.netback.loop.EventLoop;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.MulticastFilter;
import org.netback.vswitch.PortTraffic;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingService;
import org.netback.xen.ring.RingViolation;

/// Reads what a guest transmits on one ring, and carries it into the switch.
///
/// A round takes up to [TxRound#PACKETS] packets: slots are copied once, packets assembled, their
/// data copied in one batch, the frames forwarded and every consumed slot answered. A receiver that
/// is short of buffers keeps private copies, so that it holds no slots of the sender's beyond the
/// round. If requests are left, the next round is queued behind whatever else the loop has to do.
///
/// While the vif is over its rate nothing is consumed, so that the guest's ring fills and its stack
/// waits; no packet is lost by it. A timer goes on when what the queue has booked of the vif's
/// [Credit] is due; meanwhile the guest is not asked to notify.
///
/// Served by a [RingService], whose guard nobody else wants except an exchange of mapped pages; no
/// one who holds it waits for anything but the lock of an [RxQueue], whose holders never wait.
final class TxQueue implements RingService.Round {
  /// Bounds how often a queue that is over its rate wakes its loop.
  private static final long LEAST_WAIT_NANOS = TimeUnit.MICROSECONDS.toNanos(500);

  /// Bounds how late it notices that its rate was changed.
  private static final long LONGEST_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /// Rounds in which long packets are copied in whole, after one in which it would have been
  /// better.
  private static final int WHOLE_ROUNDS = 64;

  private final int domid;
  private final BackRing ring;
  private final GrefMappings mappings;
  private final EventLoop loop;
  private final TxRound round;
  private final PortTraffic port;
  private final int number;
  private final Ingress ingress;
  private final MulticastFilter multicast;
  private final Credit credit;
  private final RingService service;
  private final TxCounters counters = new TxCounters();
  private int wholeRounds;

  /// Octets that are booked and not sent; negative if they were sent and are not booked.
  private int prepaid;

  /// The rate under which they were, and when they are due.
  private Rate booked = Rate.UNLIMITED;

  private long due;
  private boolean waitsForCredit;

  /// @param mappings pages of the queue's that need no grant operation, exchanged under the guard
  ///   only
  /// @param guard the queue's
  /// @param port the vif's
  /// @param number of the queue
  /// @param multicast the vif's list, which dummy requests change
  /// @param credit the vif's
  /// @param failure gets a [RingViolation] of the guest's or an exception of ours after which the
  ///   queue, stopped by then, cannot go on
  TxQueue(
      int domid,
      BackRing ring,
      GrefMappings mappings,
      ReentrantLock guard,
      LoopMemory memory,
      PortTraffic port,
      int number,
      Ingress ingress,
      MulticastFilter multicast,
      Credit credit,
      Consumer<Throwable> failure) {
    this.domid = domid;
    this.ring = ring;
    this.mappings = mappings;
    this.loop = memory.loop();
    this.round = memory.round();
    this.port = port;
    this.number = number;
    this.ingress = ingress;
    this.multicast = multicast;
    this.credit = credit;
    this.service = new RingService(ring, loop, guard, this, failure);
    count();
  }

  RingService service() {
    return service;
  }

  QueueStatistics.Tx statistics() {
    return counters.snapshot(service.counters());
  }

  /// How long until what the queue has booked is due; 0 if it is, or if another rate holds by now.
  private long mustWait() {
    long wait = due - loop.nanoTime();
    return wait > 0 && booked.equals(credit.rate()) ? wait : 0;
  }

  @Override
  public long round(int waiting) throws RingViolation {
    int available = waiting;
    if (waitsForCredit) {
      long wait = mustWait();
      if (wait > 0) {
        return bounded(wait);
      }
      waitsForCredit = false;
    }
    round.begin(domid);
    TxAssembler assembler = round.assembler();
    int[] slots = ring.slots();
    TxOutcome fatal = TxOutcome.PACKET;
    round.expect(ring, Math.min(available, TxRound.PACKETS));
    boolean limited = credit.isLimited();
    if (!limited || !booked.equals(credit.rate())) {
      booked = credit.rate();
      prepaid = 0;
    }
    long wait = 0;
    for (int n = 0; n < TxRound.PACKETS && available > 0 && round.hasRoom(); n++) {
      while (limited && prepaid <= 0 && wait <= 0) {
        wait = book();
      }
      if (wait > 0) {
        break;
      }
      int at = ring.takeRequest();
      if (TxAssembler.isPlain(slots, at)) {
        available--;
        if (limited) {
          prepaid -= TxRequest.size(slots, at);
        }
        counters.mappedCopies += round.stage(mappings, ring, slots, at);
        continue;
      }
      assembler.begin(available);
      assembler.accept(slots, at);
      while (assembler.wantsSlot()) {
        assembler.accept(slots, ring.takeRequest());
      }
      available -= assembler.slotCount();
      TxOutcome outcome = assembler.outcome();
      if (outcome == TxOutcome.PACKET) {
        if (limited) {
          prepaid -= assembler.total();
        }
        counters.mappedCopies += round.stage(mappings, ring, wholeRounds > 0);
      } else if (outcome == TxOutcome.MULTICAST_ADD || outcome == TxOutcome.MULTICAST_DEL) {
        changeMulticast(outcome, assembler.multicastAddress());
      } else {
        reject(outcome);
        if (outcome.isFatal()) {
          // No response: nothing in the ring can be believed. What came before is still served.
          fatal = outcome;
          break;
        }
        round.reject(ring);
      }
    }
    if (round.slots() > 0) {
      round.copy(counters, port, number, ring);
      counters.rounds++;
      counters.answered += round.slots();
      if (!round.batch().isEmpty()) {
        ingress.forward(round.batch());
      }
      round.settle(counters, port, number, ring);
      // What goes to a tap, or to several, is cheaper had at once.
      wholeRounds = round.pulledPackets() > 0 ? WHOLE_ROUNDS : Math.max(0, wholeRounds - 1);
      if (ring.push()) {
        service.notifyPeer();
      }
    }
    count();
    if (fatal.isFatal()) {
      throw new RingViolation(
          fatal.text() + ", at tx request " + Integer.toUnsignedString(ring.reqCons() - 1));
    }
    if (wait > 0) {
      counters.throttled++;
      waitsForCredit = true;
      return bounded(wait);
    }
    return round.slots() > 0 ? RingService.WORKED : RingService.IDLE;
  }

  private void reject(TxOutcome outcome) {
    counters.rejected[outcome.ordinal()]++;
    port.reject(number, round.assembler().total(), outcome.name());
  }

  private static long bounded(long wait) {
    return Math.clamp(wait, LEAST_WAIT_NANOS, LONGEST_WAIT_NANOS);
  }

  private void changeMulticast(TxOutcome change, long address) {
    if (change == TxOutcome.MULTICAST_ADD && !multicast.add(address)) {
      reject(TxOutcome.MULTICAST_LIST_FULL);
      round.reject(ring);
      return;
    }
    if (change == TxOutcome.MULTICAST_DEL) {
      multicast.remove(address);
    }
    counters.multicastRequests++;
    round.acknowledge(ring);
  }

  /// Books a quantum, of which what was sent too much is paid first.
  ///
  /// @return how long until the rest is due, or all if nothing is left
  private long book() {
    int quantum = credit.quantum();
    int owed = Math.min(-prepaid, quantum);
    long wait = credit.book(owed, quantum - owed);
    prepaid += quantum;
    due = loop.nanoTime() + wait;
    return wait;
  }

  /// What a queue has booked and owes must not go with it, or a guest would lose or gain by
  /// connecting again.
  @Override
  public void ended() {
    if (booked.equals(credit.rate())) {
      credit.spend(-prepaid);
      prepaid = 0;
    }
  }

  private void count() {
    counters.reqCons = ring.reqCons();
    counters.rspProd = ring.rspProdPvt();
  }
}
