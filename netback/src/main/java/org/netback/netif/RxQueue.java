package org.netback.netif;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.netback.ctrl.GrefMappings;
import org.netback.hashing.HashConfiguration;
import org.netback.loop.EventLoop;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.PortTraffic;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.ring.BackRing;
import org.netback.xen.ring.RingService;
import org.netback.xen.ring.RingViolation;

/// Writes what the switch sends to a guest into the buffers that the guest has posted on one ring
/// (io/netif.h, "Guest receive").
///
/// A frame takes one buffer per 4096 octets, and one more each for a GSO and a HASH extra, whose
/// response takes the buffer's slot. A frame is begun only when it can be finished, and every
/// response lies in the slot of its request, since frontends go by that.
///
/// When the guest has too few buffers, frames wait as private copies in an [RxBacklog]:
/// - bounded: what does not fit is dropped (BACKLOG_FULL);
/// - not for long: what has waited for 10 s is dropped (BACKLOG_EXPIRED);
/// - behind each other: while one waits, those that come later wait too, so a queue keeps its
///   order;
/// - not for ever: if for 60 s no frame could be delivered and one still waits, the guest is taken
///   for stalled. What waits and what comes is dropped (STALLED) until the guest posts a buffer
///   again. The clock starts with the first frame that has to wait and only a delivery stops it,
///   not a buffer kept free that is too few (XSA-392).
///
/// A frontend without `feature-rx-notify` does not say when it has posted buffers. For such a guest
/// the ring is looked at every 2 ms while frames wait, they wait 30 ms at most, and a stall cannot
/// be told from a slow guest, so none is declared.
///
/// Any loop may transmit, under the guard of the queue's [RingService], which is taken once per
/// batch; no one who holds it waits for anything. The service looks at the ring only while frames
/// wait or the guest is stalled.
final class RxQueue implements RingService.Round {
  static final long DRAIN_NANOS = TimeUnit.SECONDS.toNanos(10);
  static final long STALL_NANOS = TimeUnit.SECONDS.toNanos(60);
  static final long UNNOTIFIED_DRAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(30);
  static final long UNNOTIFIED_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /// How long the backlog keeps its memory after the last frame has left it.
  static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final int domid;
  private final BackRing ring;
  private final GrantTable grants;
  private final GrefMappings mappings;
  private final EventLoop loop;
  private final PortTraffic port;
  private final int number;
  private final boolean rxNotify;
  private final int maxLength;
  private final Runnable carrierChanged;
  private final Runnable tick = this::tick;

  private final ReentrantLock lock;
  private final RingService service;
  private final RxCounters counters = new RxCounters();

  /// Requests that are vouched for and not consumed; those that were given back are counted with
  /// the next look.
  private int free;

  private final RxStage stage;
  private final RxBacklog backlog;

  /// Whether the frames that were staged last are counted as delivered, or were none.
  private boolean committed = true;

  private boolean starving;
  private long starvingSince;
  private long lastWait;
  private volatile boolean stalled;
  private int freeWhenStalled;
  private boolean tickScheduled;
  private long tickAt;
  private EventLoop.Timer timer = () -> {};

  /// @param mappings pages of the queue's that need no grant operation, exchanged under the lock
  ///   only
  /// @param lock the queue's
  /// @param port the vif's
  /// @param number of the queue
  /// @param rxNotify whether the frontend notifies when it has posted buffers
  /// @param maxLength the longest frame that the guest takes
  /// @param queues of the vif
  /// @param carrierChanged called under the queue's lock when the guest has stalled or recovered
  /// @param failure the service's
  RxQueue(
      int domid,
      BackRing ring,
      GrantTable grants,
      GrefMappings mappings,
      ReentrantLock lock,
      EventLoop loop,
      PortTraffic port,
      int number,
      boolean rxNotify,
      int maxLength,
      int queues,
      Runnable carrierChanged,
      Consumer<Throwable> failure) {
    this.domid = domid;
    this.ring = ring;
    this.grants = grants;
    this.mappings = mappings;
    this.stage = new RxStage(domid, ring, grants, mappings, counters);
    this.lock = lock;
    this.loop = loop;
    this.port = port;
    this.number = number;
    this.rxNotify = rxNotify;
    this.maxLength = maxLength;
    this.backlog = new RxBacklog(RxBacklog.capacity(queues), 1);
    this.carrierChanged = carrierChanged;
    this.service = new RingService(ring, loop, lock, this, failure);
    count();
  }

  RingService service() {
    return service;
  }

  QueueStatistics.Rx statistics() {
    return counters.snapshot(service.counters());
  }

  /// A backend that was killed while it pushed responses may have left slots at the beginning that
  /// hold no requests any more: their references are made of flags and lengths. Up to a whole ring
  /// of them would each cost a frame, so they are answered at once. What tells them is that the
  /// page cannot be read.
  @Override
  public boolean begin() throws RingViolation {
    MemorySegment octet = Arena.ofAuto().allocate(1);
    GrantCopies probe = grants.copies(1);
    boolean any = false;
    for (look(); free > 0; free--) {
      MemorySegment request = ring.peekRequest();
      probe.fromGuest(domid, RxRequest.gref(request), 0, 1, octet, 0);
      probe.carryOut();
      boolean readable = probe.status(0) == GrantStatus.OKAY;
      probe.clear();
      if (readable) {
        break;
      }
      int id = RxRequest.id(ring.copyRequest());
      ring.putResponse(RxResponse.words(id, 0, 0, RxResponse.ERROR));
      counters.answered++;
      any = true;
    }
    count();
    return any && ring.push();
  }

  /// Drops what waits.
  @Override
  public void ended() {
    timer.cancel();
    dropWaiting(DropReason.PORT_DOWN);
    count();
  }

  private void dropWaiting(DropReason reason) {
    while (!backlog.isEmpty()) {
      port.drop(reason, number, backlog.oldest());
      backlog.remove();
    }
    backlog.release();
  }

  /// Delivers frames of a batch, or lets them wait, or drops and counts them.
  ///
  /// @param base index of the frame that the mask's lowest bit stands for
  /// @param mask a bit for each frame that is meant
  /// @param hashes what the guest is told of each, in the form of [HashConfiguration#hash]; the
  ///   first belongs to the frame at the base
  void transmit(FrameBatch frames, int base, long mask, long[] hashes) {
    lock.lock();
    long left = mask;
    long added = 0;
    long waits = 0;
    try {
      if (!service.isRunning() || stalled && !isBackToLife()) {
        port.drop(
            service.isRunning() ? DropReason.STALLED : DropReason.PORT_DOWN,
            number,
            frames,
            base,
            left);
        return;
      }
      boolean taking = flush();
      if (!mappings.isEmpty()) {
        frames.pull(base, left);
      }
      committed = false;
      while (left != 0) {
        int i = Long.numberOfTrailingZeros(left);
        Frame frame = frames.get(base + i);
        if (frame.length() > maxLength) {
          port.drop(DropReason.TOO_LONG, number, frame);
        } else if (frame.isTorn()) {
          // Its sender's fault, and counted there.
        } else if (waits == 0 && backlog.isEmpty() && stage(frame, hashes[i])) {
          added |= 1L << i;
        } else {
          waits |= 1L << i;
        }
        left &= left - 1;
      }
      if (!stage.isEmpty()) {
        deliver(frames, base, added, hashes);
      }
      if (waits != 0) {
        queue(frames, base, waits, hashes);
        waits = 0;
      }
      if (!backlog.isEmpty()) {
        taking |= flush();
        service.rest(outcome(taking));
        scheduleTick();
      }
    } catch (Throwable e) {
      // What was staged and never counted as delivered is lost too.
      long lost = committed ? 0 : untorn(frames, base, added);
      stage.clear();
      port.drop(DropReason.PORT_DOWN, number, frames, base, left | waits | lost);
      service.fail(e);
    } finally {
      count();
      lock.unlock();
    }
  }

  @Override
  public long round(int available) throws RingViolation {
    free = available;
    try {
      if (stalled) {
        recover();
      }
      return outcome(flush());
    } finally {
      count();
    }
  }

  /// A guest that is taking frames is likely to post more buffers at once.
  private long outcome(boolean taking) {
    if (!taking) {
      return RingService.IDLE;
    }
    return backlog.isEmpty() ? RingService.DONE : RingService.WORKED;
  }

  /// Enough buffers for the next frame; of a stalled guest any that it posts.
  @Override
  public int wanted() {
    if (stalled) {
      return freeWhenStalled + 1;
    }
    return backlog.isEmpty() ? 0 : RxStage.slots(backlog.oldest(), backlog.hash());
  }

  private void tick() {
    lock.lock();
    try {
      tickScheduled = false;
      if (!service.isRunning()) {
        return;
      }
      expire();
      boolean taking = flush();
      if (!backlog.isEmpty() && rxNotify && loop.nanoTime() - starvingSince >= STALL_NANOS) {
        stall();
      }
      if (backlog.isEmpty() && loop.nanoTime() - lastWait >= IDLE_NANOS) {
        backlog.release();
      }
      service.rest(outcome(taking));
      scheduleTick();
    } catch (Throwable e) {
      service.fail(e);
    } finally {
      count();
      lock.unlock();
    }
  }

  private void look() throws RingViolation {
    free = ring.unconsumedRequests();
  }

  /// Stages a frame if there are slots for all of it.
  private boolean stage(Frame frame, long hash) throws RingViolation {
    int needed = RxStage.slots(frame, hash);
    if (free < needed) {
      look();
      if (free < needed) {
        return false;
      }
    }
    stage.add(frame, hash, needed);
    free -= needed;
    return true;
  }

  /// @param added a bit for each frame that is staged
  private void deliver(FrameBatch frames, int base, long added, long[] hashes)
      throws RingViolation {
    long staged = added;
    if (!stage.carryOut()) {
      // A page of the sender's or of this guest's, or a torn frame. The sender's fault must not
      // show here.
      stage.undo();
      frames.pull(base, added);
      staged = untorn(frames, base, added);
      for (long left = staged; left != 0; left &= left - 1) {
        int i = Long.numberOfTrailingZeros(left);
        stage(frames.get(base + i), hashes[i]);
      }
      stage.carryOut();
    }
    if (isToBeTold()) {
      int n = 0;
      for (long left = staged; left != 0; left &= left - 1) {
        tell(n++, frames.get(base + Long.numberOfTrailingZeros(left)));
      }
    }
    commit();
  }

  private static long untorn(FrameBatch frames, int base, long mask) {
    long untorn = 0;
    for (long left = mask; left != 0; left &= left - 1) {
      int i = Long.numberOfTrailingZeros(left);
      untorn |= frames.get(base + i).isTorn() ? 0 : 1L << i;
    }
    return untorn;
  }

  /// Whether each frame that is staged is to be told of by itself.
  private boolean isToBeTold() {
    return stage.failures() > 0 || port.isObserved();
  }

  /// @param index of the frame, in the order in which they were staged
  private void tell(int index, Frame frame) {
    if (stage.hasFailed(index)) {
      port.drop(DropReason.DELIVERY_FAILED, number, frame);
    } else {
      port.showDelivered(number, frame);
    }
  }

  /// Shows what is staged and copied to the guest, and notifies if it wants to know.
  private void commit() {
    committed = true;
    if (stage.isEmpty()) {
      return;
    }
    int failed = stage.failures();
    counters.copyFailures += failed;
    int delivered = stage.frames() - failed;
    long octets = stage.deliveredOctets();
    counters.packets += delivered;
    counters.octets += octets;
    counters.batches++;
    port.countDelivered(delivered, octets);
    starving = false;
    if (stage.push()) {
      service.notifyPeer();
    }
  }

  private void queue(FrameBatch frames, int base, long mask, long[] hashes) {
    frames.pull(base, mask);
    long now = loop.nanoTime();
    for (long left = mask; left != 0; left &= left - 1) {
      int i = Long.numberOfTrailingZeros(left);
      Frame frame = frames.get(base + i);
      if (frame.isTorn()) {
        continue;
      }
      lastWait = now;
      if (!starving) {
        starving = true;
        starvingSince = now;
      }
      if (backlog.offer(frame, hashes[i], now)) {
        counters.backlogged++;
      } else {
        port.drop(DropReason.BACKLOG_FULL, number, frame);
      }
    }
  }

  /// Delivers what waits, as far as there are buffers for it.
  ///
  /// @return whether the guest takes frames
  private boolean flush() throws RingViolation {
    int waiting = backlog.frames();
    if (waiting == 0 || stalled) {
      return false;
    }
    // A frame's octets stay where they are until the next is appended, after the commit.
    int mark = backlog.mark();
    try {
      while (!backlog.isEmpty() && stage(backlog.oldest(), backlog.hash())) {
        backlog.remove();
      }
      stage.carryOut();
    } catch (Throwable e) {
      // They wait no more, and the guest has not got them.
      for (int i = 0; i < stage.frames(); i++) {
        port.drop(DropReason.PORT_DOWN, number, backlog.removed(mark, i));
      }
      stage.clear();
      throw e;
    }
    if (isToBeTold()) {
      for (int i = 0; i < stage.frames(); i++) {
        tell(i, backlog.removed(mark, i));
      }
    }
    commit();
    if (!backlog.isEmpty() && !starving) {
      // Some were delivered: for those that are left the clock starts anew.
      starving = true;
      starvingSince = loop.nanoTime();
    }
    return backlog.frames() < waiting;
  }

  private void expire() {
    long drain = rxNotify ? DRAIN_NANOS : UNNOTIFIED_DRAIN_NANOS;
    long now = loop.nanoTime();
    while (!backlog.isEmpty() && now - backlog.time() >= drain) {
      port.drop(DropReason.BACKLOG_EXPIRED, number, backlog.oldest());
      backlog.remove();
    }
  }

  private void stall() {
    dropWaiting(DropReason.STALLED);
    freeWhenStalled = free;
    stalled = true;
    counters.stalls++;
    carrierChanged.run();
  }

  /// Whether a stalled guest has posted a buffer, and thus is not stalled any more.
  private boolean isBackToLife() throws RingViolation {
    look();
    recover();
    return !stalled;
  }

  private void recover() {
    if (free != freeWhenStalled) {
      stalled = false;
      starving = false;
      carrierChanged.run();
    }
  }

  boolean isStalled() {
    return stalled;
  }

  private void scheduleTick() {
    long now = loop.nanoTime();
    long at;
    if (!backlog.isEmpty()) {
      at =
          rxNotify
              ? Math.min(backlog.time() + DRAIN_NANOS - now, starvingSince + STALL_NANOS - now)
              : UNNOTIFIED_LOOK_NANOS;
    } else if (backlog.hasMemory()) {
      at = lastWait + IDLE_NANOS - now;
    } else {
      return;
    }
    at = now + Math.max(0, at);
    if (tickScheduled && tickAt - at <= 0) {
      return;
    }
    timer.cancel();
    timer = loop.schedule(at - now, tick);
    tickAt = at;
    tickScheduled = true;
  }

  private void count() {
    counters.reqCons = ring.reqCons();
    counters.rspProd = ring.rspProdPvt();
    counters.backlogFrames = backlog.frames();
    counters.backlogOctets = backlog.octets();
    counters.stalled = stalled;
  }
}
