package org.netback.xen.frontends;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.netback.xen.event.EventChannel;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// One connection's rx ring: posts a page for every slot and puts together what comes back.
///
/// The page of index i belongs to slot i for good. That is what lets a frontend know which buffer
/// an extra took the response of: netif.h demands that a response sits in its request's slot.
///
/// Confined to the queue's loop.
final class NetfrontRx {
  /// Slots that are free before buffers are posted: in lots, as Linux does.
  static final int LOT = TxRequest.NR_SLOTS_MIN + 1;

  /// A first slot of at most this many octets does not count towards the most slots of a packet.
  private static final int SMALL_FIRST_SLOT = 256;

  private static final int ETH_HLEN = 14;
  private static final int MAX_LENGTH = 0xffff;

  private final FrontRing ring;
  private final GuestPages pages;
  private final EventChannel channel;
  private final NetfrontCounters counters;
  private final boolean persistent;
  private final boolean rxNotify;

  /// Where frames are put together, from [#open] to [#close].
  private Arena arena = Arena.global();

  private MemorySegment frame = MemorySegment.NULL;

  // What the packet being taken has said of itself.
  private int slots;
  private int length;
  private int gsoType;
  private int gsoSize;
  private boolean malformed;
  private boolean hashed;

  /// @param channel for notifications of posted buffers
  NetfrontRx(
      FrontRing ring,
      GuestPages pages,
      EventChannel channel,
      NetfrontOptions options,
      NetfrontCounters counters) {
    this.ring = ring;
    this.pages = pages;
    this.channel = channel;
    this.counters = counters;
    this.persistent = options.persistentGrants();
    this.rxNotify = options.rxNotify();
  }

  /// Takes memory, to be given back by [#close] on the same thread: the collector is not quick
  /// enough where guests come and go by the thousand.
  void open() {
    arena = Arena.ofConfined();
    frame =
        arena.allocate(
            FrameSink.HEADROOM + (TxRequest.NR_SLOTS_MIN + 1L) * GrantTable.PAGE_SIZE, 64);
  }

  void close() {
    arena.close();
  }

  /// Posts a buffer in every free slot, if a lot of them is free.
  void post() {
    int free = ring.freeRequests();
    if (free < LOT) {
      return;
    }
    for (int i = 0; i < free; i++) {
      int id = ring.reqProdPvt() & (ring.size() - 1);
      RxRequest.write(ring.requestSlot(), id, pages.grant(id));
      ring.putRequest();
    }
    if (ring.push() && rxNotify) {
      counters.rxNotified++;
      channel.notifyPeer();
    } else {
      counters.rxNotNotified++;
    }
  }

  /// Takes packets and hands them to the sink.
  ///
  /// @param budget the most packets
  /// @return packets taken; fewer than the budget means that the backend will notify of the next
  int poll(int budget, NetfrontQueue queue, FrameSink sink) throws RingViolation {
    int taken = 0;
    while (taken < budget) {
      int waiting = ring.unconsumedResponses();
      if (waiting == 0 && !ring.finalCheck()) {
        break;
      }
      while (waiting > 0 && taken < budget) {
        waiting -= take(waiting, queue, sink);
        taken++;
        post();
      }
    }
    return taken;
  }

  /// Takes one packet.
  ///
  /// @param waiting responses there are
  /// @return responses taken
  private int take(int waiting, NetfrontQueue queue, FrameSink sink) throws RingViolation {
    slots = 0;
    length = 0;
    gsoType = ExtraInfo.GSO_TYPE_NONE;
    gsoSize = 0;
    malformed = false;
    hashed = false;
    int taken = 1;
    int flags = takeData();
    int most = TxRequest.NR_SLOTS_MIN + (length <= SMALL_FIRST_SLOT ? 1 : 0);
    boolean extras = (flags & RxResponse.EXTRA_INFO) != 0;
    while (extras && taken < waiting) {
      extras = takeExtra();
      taken++;
    }
    boolean more = (flags & RxResponse.MORE_DATA) != 0;
    while (more && taken < waiting) {
      more = (takeData() & RxResponse.MORE_DATA) != 0;
      taken++;
    }
    boolean complete = !extras && !more;
    if (malformed || !complete || slots > most || length < ETH_HLEN || length > MAX_LENGTH) {
      counters.rxMalformed++;
      return taken;
    }
    boolean blank = (flags & RxResponse.CSUM_BLANK) != 0;
    if ((blank || gsoType != ExtraInfo.GSO_TYPE_NONE)
        && !ChecksumPlace.isKnown(frame, FrameSink.HEADROOM, length)) {
      counters.rxBadOffload++;
      return taken;
    }
    counters.rxFrames++;
    counters.rxOctets += length;
    if (slots > 1) {
      counters.rxMultiSlot++;
    }
    if (gsoType != ExtraInfo.GSO_TYPE_NONE) {
      counters.rxGso++;
    }
    if (hashed) {
      counters.rxHashed++;
    }
    sink.received(
        queue,
        frame,
        FrameSink.HEADROOM,
        length,
        blank,
        (flags & RxResponse.DATA_VALIDATED) != 0,
        gsoType,
        gsoSize);
    return taken;
  }

  /// Takes a data slot: appends its octets to the frame.
  ///
  /// @return its flags
  private int takeData() throws RingViolation {
    int id = ring.rspCons() & (ring.size() - 1);
    MemorySegment response = ring.copyResponse();
    int offset = RxResponse.offset(response);
    int size = RxResponse.status(response);
    endGrant(id);
    slots++;
    if (RxResponse.id(response) != id || size < 0 || offset + size > GrantTable.PAGE_SIZE) {
      malformed = true;
    } else if (FrameSink.HEADROOM + length + size <= frame.byteSize()) {
      MemorySegment.copy(
          pages.memory(),
          (long) id * GrantTable.PAGE_SIZE + offset,
          frame,
          FrameSink.HEADROOM + length,
          size);
      length += size;
    }
    return RxResponse.flags(response);
  }

  /// Takes an extra, whose buffer was not used.
  ///
  /// @return whether another follows
  private boolean takeExtra() throws RingViolation {
    int id = ring.rspCons() & (ring.size() - 1);
    MemorySegment extra = ring.copyResponse();
    endGrant(id);
    switch (ExtraInfo.type(extra)) {
      case ExtraInfo.TYPE_GSO -> {
        gsoType = ExtraInfo.gsoType(extra);
        gsoSize = ExtraInfo.gsoSize(extra);
        if (gsoType != ExtraInfo.GSO_TYPE_TCPV4 && gsoType != ExtraInfo.GSO_TYPE_TCPV6
            || gsoSize == 0) {
          malformed = true;
        }
      }
      // The value is of use to a guest's own steering only.
      case ExtraInfo.TYPE_HASH -> hashed = true;
      default -> malformed = true;
    }
    return ExtraInfo.more(extra);
  }

  private void endGrant(int id) throws RingViolation {
    if (!persistent && !pages.revoke(id)) {
      throw new RingViolation("rx response in slot " + id + " while its grant is still in use");
    }
  }

  boolean isMemoryAlive() {
    return pages.memory().scope().isAlive();
  }

  EventChannel channel() {
    return channel;
  }
}
