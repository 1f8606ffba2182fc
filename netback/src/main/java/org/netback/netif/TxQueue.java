package org.netback.netif;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.netback.ctrl.GrefMappings;
import org.netback.loop.EventLoop;
import org.netback.loop.Polled;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.MulticastFilter;
import org.netback.vswitch.PortCounters;
import org.netback.xen.event.EventChannel;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.BackRing;
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
/// Rounds run on the queue's loop. The guard is taken once per round and keeps [#stop] from
/// returning while one is under way; but for an exchange of mapped pages nobody else wants it, and
/// no one who holds it waits for anything but the lock of an [RxQueue], whose holders never wait.
final class TxQueue implements Polled {
  private static final long STOP_SECONDS = 5;

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
  private final PortCounters port;
  private final Ingress ingress;
  private final Consumer<Throwable> failure;
  private final MulticastFilter multicast;
  private final Credit credit;
  private final Runnable resume = this::resume;
  private final Runnable creditBack = this::creditBack;

  private final ReentrantLock guard;
  private final TxCounters counters = new TxCounters();
  private volatile State state = State.NEW;
  private boolean resumeQueued;
  private boolean lingers;

  /// What the guest is known to have published, and had when it notified last.
  private int reqSeen;

  private int reqSeenAtLastEvent;
  private int wholeRounds;

  /// Octets that are booked and not sent; negative if they were sent and are not booked.
  private int prepaid;

  /// The rate under which they were, and when they are due.
  private Rate booked = Rate.UNLIMITED;

  private long due;
  private boolean waitsForCredit;
  private EventLoop.Timer creditTimer = () -> {};
  private EventChannel channel = Unbound.CHANNEL;

  /// @param mappings pages of the queue's that need no grant operation, exchanged under the guard
  ///   only
  /// @param guard the queue's
  /// @param port the vif's
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
      PortCounters port,
      Ingress ingress,
      MulticastFilter multicast,
      Credit credit,
      Consumer<Throwable> failure) {
    this.domid = domid;
    this.ring = ring;
    this.mappings = mappings;
    this.guard = guard;
    this.loop = memory.loop();
    this.round = memory.round();
    this.port = port;
    this.ingress = ingress;
    this.multicast = multicast;
    this.credit = credit;
    this.failure = failure;
    this.reqSeen = ring.reqCons();
    this.reqSeenAtLastEvent = reqSeen;
    count();
  }

  /// Looks at the ring once, since no event will come for what is in it already, and from then on
  /// when its channel or its own work tells it to.
  void start(EventChannel notify) {
    guard.lock();
    try {
      channel = notify;
      if (state == State.NEW) {
        state = State.RUNNING;
      }
      resumeQueued = true;
      if (ring.owesNotification()) {
        counters.notifications++;
        notify.notifyPeer();
      }
    } finally {
      guard.unlock();
    }
    loop.execute(resume);
  }

  /// Ends the queue: when this has returned, the ring and the guest's pages are not touched any
  /// more. For the bus's thread; idempotent.
  ///
  /// @return false if a round has not come to its end in time; it will find its mappings closed
  boolean stop() {
    boolean quiet = false;
    try {
      quiet = guard.tryLock(STOP_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    state = State.STOPPED;
    if (quiet) {
      creditTimer.cancel();
      settleCredit();
      guard.unlock();
    }
    return quiet;
  }

  /// Begins no further round, without waiting for one under way; to be stopped all the same.
  void halt() {
    state = State.STOPPED;
  }

  TxCounters counters() {
    return counters;
  }

  /// The guest has notified.
  ///
  /// @return whether there were requests since its last notification: a round of our own may have
  ///   taken those that this one was about, and the guest must not be slowed down for that
  boolean onEvent() {
    counters.events++;
    run();
    // While the queue is being stopped nothing is held against the guest.
    boolean worked = reqSeen != reqSeenAtLastEvent || state != State.RUNNING;
    reqSeenAtLastEvent = reqSeen;
    if (!worked) {
      counters.spuriousEvents++;
    }
    return worked;
  }

  @Override
  public boolean poll() {
    guard.lock();
    try {
      if (state != State.RUNNING || waitsForCredit || ring.unconsumedRequests() == 0) {
        return false;
      }
      runRound();
      return true;
    } catch (Throwable e) {
      fail(e);
      return true;
    } finally {
      guard.unlock();
    }
  }

  @Override
  public void arm() {
    lingers = false;
    guard.lock();
    try {
      if (state == State.RUNNING && !waitsForCredit) {
        sleep();
      }
    } catch (Throwable e) {
      fail(e);
    } finally {
      guard.unlock();
    }
  }

  private void resume() {
    resumeQueued = false;
    run();
  }

  private void creditBack() {
    waitsForCredit = false;
    long wait = due - loop.nanoTime();
    if (wait > 0 && booked.equals(credit.rate())) {
      waitForCredit(wait);
    } else {
      run();
    }
  }

  private void run() {
    guard.lock();
    try {
      if (state == State.RUNNING) {
        runRound();
      }
    } catch (Throwable e) {
      fail(e);
    } finally {
      guard.unlock();
    }
  }

  private void fail(Throwable e) {
    state = State.STOPPED;
    failure.accept(e);
  }

  private void runRound() throws RingViolation {
    round.begin(domid);
    int available = ring.unconsumedRequests();
    reqSeen = ring.reqCons() + available;
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
    for (int n = 0;
        n < TxRound.PACKETS && available > 0 && round.hasRoom() && !waitsForCredit;
        n++) {
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
        counters.rejected[outcome.ordinal()]++;
        if (outcome.isFatal()) {
          // No response: nothing in the ring can be believed. What came before is still served.
          fatal = outcome;
          break;
        }
        round.reject(ring);
      }
    }
    if (round.slots() > 0) {
      round.copy(counters, ring);
      counters.rounds++;
      counters.answered += round.slots();
      if (!round.batch().isEmpty()) {
        ingress.forward(round.batch());
      }
      round.settle(counters, port, ring);
      // What goes to a tap, or to several, is cheaper had at once.
      wholeRounds = round.pulledPackets() > 0 ? WHOLE_ROUNDS : Math.max(0, wholeRounds - 1);
      if (ring.push()) {
        counters.notifications++;
        channel.notifyPeer();
      }
    }
    count();
    if (fatal.isFatal()) {
      throw new RingViolation(
          fatal.text() + ", at tx request " + Integer.toUnsignedString(ring.reqCons() - 1));
    }
    if (wait > 0) {
      counters.throttled++;
      waitForCredit(wait);
    } else if (!waitsForCredit && !lingers) {
      // Not for an event without requests, or a guest could keep the loop awake by those.
      lingers = round.slots() > 0 && loop.linger(this);
      if (!lingers) {
        sleep();
      }
    }
  }

  /// Asks to be notified, if nothing is left.
  private void sleep() throws RingViolation {
    if (!resumeQueued && ring.finalCheck()) {
      resumeQueued = true;
      loop.execute(resume);
    }
  }

  private void changeMulticast(TxOutcome change, long address) {
    if (change == TxOutcome.MULTICAST_ADD && !multicast.add(address)) {
      counters.rejected[TxOutcome.MULTICAST_LIST_FULL.ordinal()]++;
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
  private void settleCredit() {
    if (booked.equals(credit.rate())) {
      credit.spend(-prepaid);
      prepaid = 0;
    }
  }

  private void waitForCredit(long nanos) {
    waitsForCredit = true;
    creditTimer =
        loop.schedule(Math.clamp(nanos, LEAST_WAIT_NANOS, LONGEST_WAIT_NANOS), creditBack);
  }

  private void count() {
    counters.reqCons = ring.reqCons();
    counters.rspProd = ring.rspProdPvt();
  }

  private enum State {
    NEW,
    RUNNING,
    STOPPED
  }
}
