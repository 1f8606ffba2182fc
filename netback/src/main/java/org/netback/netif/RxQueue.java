package org.netback.netif;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.netback.ctrl.GrefMappings;
import org.netback.hashing.HashConfiguration;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.PortCounters;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventLoop;
import org.netback.xen.event.Polled;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.ring.BackRing;
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
/// Any loop may transmit. The lock is taken once per batch; no one who holds it waits for anything.
final class RxQueue implements Polled {
  static final long DRAIN_NANOS = TimeUnit.SECONDS.toNanos(10);
  static final long STALL_NANOS = TimeUnit.SECONDS.toNanos(60);
  static final long UNNOTIFIED_DRAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(30);
  static final long UNNOTIFIED_LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /// How long the backlog keeps its memory after the last frame has left it.
  static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final int PAGE = GrantTable.PAGE_SIZE;

  /// A ring's slots: no more can be consumed between two pushes.
  private static final int SLOTS = 256;

  private final int domid;
  private final BackRing ring;
  private final GrefMappings mappings;
  private final EventLoop loop;
  private final PortCounters port;
  private final boolean rxNotify;
  private final int maxLength;
  private final Runnable carrierChanged;
  private final Consumer<Exception> failure;
  private final Runnable tick = this::tick;

  private final ReentrantLock lock;
  private final RxCounters counters = new RxCounters();
  private EventChannel channel = Unbound.CHANNEL;
  private volatile boolean open;

  /// Requests that are vouched for and not consumed.
  private int free;

  // What is consumed and not pushed yet. Slots are answered as they are consumed, as if all copies
  // went well; until the push nobody sees it, and what went wrong is amended.
  private final GrantCopies copies;

  /// By copy, the index of its response, and the frame that it is of.
  private final int[] responseOf = new int[SLOTS];

  private final int[] frameOf = new int[SLOTS];

  // By frame.
  private final int[] frameLengths = new int[SLOTS];
  private final boolean[] frameFailed = new boolean[SLOTS];
  private int staged;
  private int stagedFrames;
  private long stagedOctets;
  private int failedFrames;

  private final RxBacklog backlog;
  private boolean lingers;
  private boolean starving;
  private long starvingSince;
  private long lastWait;
  private volatile boolean stalled;
  private int freeWhenStalled;
  private boolean tickScheduled;
  private long tickAt;
  private EventLoop.Timer timer = () -> {};
  private int reqProdAtLastEvent;

  /// @param mappings pages of the queue's that need no grant operation, exchanged under the lock
  ///   only
  /// @param lock the queue's
  /// @param port the vif's
  /// @param rxNotify whether the frontend notifies when it has posted buffers
  /// @param maxLength the longest frame that the guest takes
  /// @param queues of the vif
  /// @param carrierChanged called under the queue's lock when the guest has stalled or recovered
  /// @param failure gets a [RingViolation] of the guest's or an exception of ours after which the
  ///   queue, stopped by then, cannot go on; called under its lock
  RxQueue(
      int domid,
      BackRing ring,
      GrantTable grants,
      GrefMappings mappings,
      ReentrantLock lock,
      EventLoop loop,
      PortCounters port,
      boolean rxNotify,
      int maxLength,
      int queues,
      Runnable carrierChanged,
      Consumer<Exception> failure) {
    this.domid = domid;
    this.ring = ring;
    this.copies = grants.copies(SLOTS);
    this.mappings = mappings;
    this.lock = lock;
    this.loop = loop;
    this.port = port;
    this.rxNotify = rxNotify;
    this.maxLength = maxLength;
    this.backlog = new RxBacklog(queues);
    this.carrierChanged = carrierChanged;
    this.failure = failure;
    this.reqProdAtLastEvent = ring.reqCons();
    count();
  }

  void start(EventChannel notify) {
    lock.lock();
    try {
      channel = notify;
      open = true;
      boolean owed = ring.owesNotification();
      if (rejectAnswered() || owed) {
        counters.notifications++;
        notify.notifyPeer();
      }
    } catch (RingViolation violation) {
      shut();
      failure.accept(violation);
    } finally {
      count();
      lock.unlock();
    }
  }

  /// A backend that was killed while it pushed responses may have left slots at the beginning that
  /// hold no requests any more: their references are made of flags and lengths. Up to a whole ring
  /// of them would each cost a frame, so they are answered at once. What tells them is that the
  /// page cannot be read.
  ///
  /// @return whether the guest wants to be notified of it
  private boolean rejectAnswered() throws RingViolation {
    MemorySegment octet = Arena.ofAuto().allocate(1);
    boolean any = false;
    for (look(); free > 0; free--) {
      MemorySegment request = ring.peekRequest();
      copies.fromGuest(domid, RxRequest.gref(request), 0, 1, octet, 0);
      copies.carryOut();
      boolean readable = copies.status(0) == GrantStatus.OKAY;
      copies.clear();
      if (readable) {
        break;
      }
      int id = RxRequest.id(ring.copyRequest());
      ring.putResponse(RxResponse.words(id, 0, 0, RxResponse.ERROR));
      counters.answered++;
      any = true;
    }
    return any && ring.push();
  }

  /// Ends the queue and drops what waits: when this has returned, the ring and the guest's pages
  /// are not touched any more. Any thread; idempotent.
  void close() {
    lock.lock();
    try {
      shut();
    } finally {
      lock.unlock();
    }
  }

  private void shut() {
    open = false;
    timer.cancel();
    // What was staged and never pushed is lost with what waits.
    int lost = stagedFrames + backlog.frames();
    stagedFrames = 0;
    if (lost > 0) {
      port.drop(DropReason.PORT_DOWN, lost);
    }
    backlog.release();
    count();
  }

  /// Stops taking frames, without waiting for a batch under way; to be closed all the same.
  void halt() {
    open = false;
  }

  RxCounters counters() {
    return counters;
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
    try {
      if (!open || stalled && !isBackToLife()) {
        port.drop(open ? DropReason.STALLED : DropReason.PORT_DOWN, Long.bitCount(left));
        return;
      }
      if (!backlog.isEmpty()) {
        flush();
      }
      while (left != 0) {
        int i = Long.numberOfTrailingZeros(left);
        Frame frame = frames.get(base + i);
        long hash = hashes[i];
        if (frame.length() > maxLength) {
          port.drop(DropReason.TOO_LONG, 1);
        } else if (backlog.isEmpty() && reserve(slots(frame.length(), frame.gso(), hash))) {
          stage(
              frame.memory(),
              frame.offset(),
              frame.length(),
              frame.checksum(),
              frame.gso(),
              frame.gsoSize(),
              hash);
        } else {
          queue(frame, hash);
        }
        left &= left - 1;
      }
      commit();
      if (!backlog.isEmpty()) {
        flush();
        scheduleTick();
      }
    } catch (RingViolation | RuntimeException e) {
      port.drop(DropReason.PORT_DOWN, Long.bitCount(left));
      shut();
      failure.accept(e);
    } finally {
      count();
      lock.unlock();
    }
  }

  /// The guest has notified: perhaps it has posted buffers. Runs on the queue's loop.
  ///
  /// @return whether it has
  boolean onEvent() {
    lock.lock();
    try {
      counters.events++;
      if (!open) {
        return true;
      }
      look();
      int reqProd = ring.reqCons() + free;
      boolean posted = reqProd != reqProdAtLastEvent;
      reqProdAtLastEvent = reqProd;
      if (!posted) {
        counters.spuriousEvents++;
      }
      if (stalled) {
        isBackToLife();
      } else if (!backlog.isEmpty()) {
        flush();
      }
      return posted;
    } catch (RingViolation | RuntimeException e) {
      shut();
      failure.accept(e);
      return true;
    } finally {
      count();
      lock.unlock();
    }
  }

  private void tick() {
    lock.lock();
    try {
      tickScheduled = false;
      if (!open) {
        return;
      }
      expire();
      if (!backlog.isEmpty()) {
        flush();
      }
      if (!backlog.isEmpty() && rxNotify && loop.nanoTime() - starvingSince >= STALL_NANOS) {
        stall();
      }
      if (backlog.isEmpty() && loop.nanoTime() - lastWait >= IDLE_NANOS) {
        backlog.release();
      }
      scheduleTick();
    } catch (RingViolation | RuntimeException e) {
      shut();
      failure.accept(e);
    } finally {
      count();
      lock.unlock();
    }
  }

  private void look() throws RingViolation {
    free = ring.unconsumedRequests();
  }

  private static int slots(int length, GsoType gso, long hash) {
    return (length + PAGE - 1) / PAGE
        + (gso == GsoType.NONE ? 0 : 1)
        + (hash == HashConfiguration.NO_HASH ? 0 : 1);
  }

  private boolean reserve(int slots) throws RingViolation {
    if (free < slots) {
      look();
    }
    return free >= slots;
  }

  /// Consumes a frame's slots; the frame's memory must stay as it is until [#commit].
  private void stage(
      MemorySegment memory,
      long offset,
      int length,
      ChecksumState checksum,
      GsoType gso,
      int gsoSize,
      long hash) {
    boolean hashed = hash != HashConfiguration.NO_HASH;
    int flags = 0;
    if (gso != GsoType.NONE || checksum == ChecksumState.BLANK) {
      // Receivers insist on both checksum flags with GSO.
      flags = RxResponse.CSUM_BLANK | RxResponse.DATA_VALIDATED;
    } else if (checksum == ChecksumState.VALIDATED) {
      flags = RxResponse.DATA_VALIDATED;
    }
    if (gso != GsoType.NONE || hashed) {
      flags |= RxResponse.EXTRA_INFO;
    }
    frameLengths[stagedFrames] = length;
    frameFailed[stagedFrames] = false;
    int first = staged;
    int at = Math.min(PAGE, length);
    stageData(memory, offset, at, at < length ? flags | RxResponse.MORE_DATA : flags);
    // Extras come directly after the first slot and take the buffers that were posted there,
    // unused. A hash is the last of them.
    if (gso != GsoType.NONE) {
      int type = gso == GsoType.TCPV4 ? ExtraInfo.GSO_TYPE_TCPV4 : ExtraInfo.GSO_TYPE_TCPV6;
      stageExtra(ExtraInfo.gsoWords(hashed ? ExtraInfo.FLAG_MORE : 0, gsoSize, type, 0));
    }
    if (hashed) {
      stageExtra(
          ExtraInfo.hashWords(
              0,
              HashConfiguration.type(hash),
              CtrlRequest.HASH_ALGORITHM_TOEPLITZ,
              HashConfiguration.value(hash)));
    }
    while (at < length) {
      int part = Math.min(PAGE, length - at);
      stageData(memory, offset + at, part, at + part < length ? RxResponse.MORE_DATA : 0);
      at += part;
    }
    free -= staged - first;
    stagedFrames++;
    stagedOctets += length;
  }

  private void stageData(MemorySegment memory, long offset, int length, int flags) {
    int[] slots = ring.slots();
    int request = ring.takeRequest();
    int gref = RxRequest.gref(slots, request);
    long words = RxResponse.words(RxRequest.id(slots, request), 0, flags, length);
    int place = mappings.find(gref);
    if (place < 0) {
      int copy = copies.toGuest(domid, gref, 0, length, memory, offset);
      responseOf[copy] = ring.rspProdPvt();
      frameOf[copy] = stagedFrames;
    } else if (mappings.isReadOnly(place)) {
      words = RxResponse.withStatus(words, RxResponse.ERROR);
      fail(stagedFrames);
    } else {
      MemorySegment.copy(memory, offset, mappings.page(place), 0, length);
      counters.mappedCopies++;
    }
    ring.putResponse(words);
    staged++;
  }

  private void stageExtra(long words) {
    int _ = ring.takeRequest();
    ring.putResponse(words);
    staged++;
  }

  private void fail(int frame) {
    if (!frameFailed[frame]) {
      frameFailed[frame] = true;
      failedFrames++;
    }
  }

  /// Copies what is staged, and notifies if the guest wants to know.
  private void commit() {
    if (staged == 0) {
      return;
    }
    if (copies.size() > 0) {
      copies.carryOut();
      if (copies.hasFailures()) {
        amend();
      }
    }
    int delivered = stagedFrames;
    long octets = stagedOctets;
    if (failedFrames > 0) {
      for (int frame = 0; frame < stagedFrames; frame++) {
        octets -= frameFailed[frame] ? frameLengths[frame] : 0;
      }
      delivered -= failedFrames;
      counters.copyFailures += failedFrames;
      port.drop(DropReason.DELIVERY_FAILED, failedFrames);
      failedFrames = 0;
    }
    counters.packets += delivered;
    counters.octets += octets;
    counters.batches++;
    port.egress(delivered, octets);
    counters.answered += staged;
    copies.clear();
    staged = 0;
    stagedFrames = 0;
    stagedOctets = 0;
    starving = false;
    if (ring.push()) {
      counters.notifications++;
      channel.notifyPeer();
    }
  }

  /// Tells the guest which pages could not be written.
  private void amend() {
    for (int copy = 0; copy < copies.size(); copy++) {
      if (copies.status(copy) != GrantStatus.OKAY) {
        int index = responseOf[copy];
        ring.amendResponse(index, RxResponse.withStatus(ring.response(index), RxResponse.ERROR));
        fail(frameOf[copy]);
      }
    }
  }

  private void queue(Frame frame, long hash) {
    long now = loop.nanoTime();
    lastWait = now;
    if (!starving) {
      starving = true;
      starvingSince = now;
    }
    if (backlog.offer(frame, hash, now)) {
      counters.backlogged++;
    } else {
      port.drop(DropReason.BACKLOG_FULL, 1);
    }
  }

  /// Delivers what waits, as far as there are buffers for it, and asks to be told when there are
  /// enough for the next.
  private void flush() throws RingViolation {
    int waiting = backlog.frames();
    while (!backlog.isEmpty()) {
      while (!backlog.isEmpty()
          && reserve(slots(backlog.length(), backlog.gso(), backlog.hash()))) {
        stage(
            backlog.memory(),
            backlog.offset(),
            backlog.length(),
            backlog.checksum(),
            backlog.gso(),
            backlog.gsoSize(),
            backlog.hash());
        // Its octets stay where they are until the next frame is appended, after the commit.
        backlog.remove();
      }
      commit();
      if (backlog.isEmpty()) {
        return;
      }
      if (!starving) {
        // Some were delivered: for those that are left the clock starts anew.
        starving = true;
        starvingSince = loop.nanoTime();
      }
      if (!lingers && backlog.frames() < waiting && loop.inLoop()) {
        // The guest is taking frames, so that it is likely to post more buffers at once.
        lingers = loop.linger(this);
      }
      if (lingers || !armForNext()) {
        return;
      }
    }
  }

  /// Asks to be told when there are enough buffers for the next frame.
  ///
  /// @return whether there are already
  private boolean armForNext() throws RingViolation {
    int needed = slots(backlog.length(), backlog.gso(), backlog.hash());
    ring.armRequestEvent(needed);
    look();
    return free >= needed;
  }

  @Override
  public boolean poll() {
    lock.lock();
    try {
      int waiting = backlog.frames();
      if (!open || waiting == 0) {
        return false;
      }
      flush();
      return backlog.frames() < waiting;
    } catch (RingViolation | RuntimeException e) {
      shut();
      failure.accept(e);
      return true;
    } finally {
      count();
      lock.unlock();
    }
  }

  @Override
  public void arm() {
    lock.lock();
    try {
      lingers = false;
      if (open && !backlog.isEmpty() && armForNext()) {
        flush();
      }
    } catch (RingViolation | RuntimeException e) {
      shut();
      failure.accept(e);
    } finally {
      count();
      lock.unlock();
    }
  }

  private void expire() {
    long drain = rxNotify ? DRAIN_NANOS : UNNOTIFIED_DRAIN_NANOS;
    long now = loop.nanoTime();
    int expired = 0;
    while (!backlog.isEmpty() && now - backlog.time() >= drain) {
      backlog.remove();
      expired++;
    }
    if (expired > 0) {
      port.drop(DropReason.BACKLOG_EXPIRED, expired);
    }
  }

  private void stall() throws RingViolation {
    port.drop(DropReason.STALLED, backlog.frames());
    backlog.release();
    look();
    freeWhenStalled = free;
    stalled = true;
    counters.stalls++;
    carrierChanged.run();
    ring.armRequestEvent(free + 1);
    isBackToLife();
  }

  /// Whether a stalled guest has posted a buffer, and thus is not stalled any more.
  private boolean isBackToLife() throws RingViolation {
    look();
    if (free == freeWhenStalled) {
      return false;
    }
    stalled = false;
    starving = false;
    carrierChanged.run();
    return true;
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
