package org.netback.xen.frontends;

import java.lang.foreign.MemorySegment;
import org.netback.xen.event.EventChannel;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// One connection's tx ring: copies frames into its own pages, one page per slot, and puts the
/// requests.
///
/// Responses are taken when room is wanted and not before: pages and grants are there for good, so
/// there is nothing to hurry for, and the backend is asked to notify of responses only while a
/// sender waits, after half of what is outstanding. That saves nearly all notifications.
///
/// Confined to the queue's loop.
final class NetfrontTx {
  /// Slots that are kept free, as Linux does: the largest packet and its extra fit whenever any
  /// does.
  static final int ROOM = TxRequest.NR_SLOTS_MIN + 1;

  private static final int ETH_HLEN = 14;

  private final FrontRing ring;
  private final GuestPages pages;
  private final EventChannel channel;
  private final NetfrontFeatures features;
  private final NetfrontCounters counters;
  private final boolean persistent;
  private final int slotOctets;
  private final int[] freeIds;
  private final boolean[] inUse;
  private int freeCount;
  private boolean stopped;
  private boolean unpushed;

  NetfrontTx(
      FrontRing ring,
      GuestPages pages,
      EventChannel channel,
      NetfrontOptions options,
      NetfrontFeatures features,
      NetfrontCounters counters) {
    this.ring = ring;
    this.pages = pages;
    this.channel = channel;
    this.features = features;
    this.counters = counters;
    this.persistent = options.persistentGrants();
    this.slotOctets = features.scatterGather() ? options.slotOctets() : GrantTable.PAGE_SIZE;
    this.freeIds = new int[pages.count()];
    this.inUse = new boolean[pages.count()];
    // A stack whose top is 0, so that a slow sender reuses the page that is warm in the cache.
    for (int i = 0; i < freeIds.length; i++) {
      freeIds[i] = freeIds.length - 1 - i;
    }
    this.freeCount = freeIds.length;
  }

  SendResult send(
      MemorySegment memory,
      long offset,
      int length,
      boolean checksumBlank,
      boolean dataValidated,
      int gsoType,
      int gsoSize)
      throws RingViolation {
    if (length < ETH_HLEN || length > features.maxLength() || !allows(gsoType, gsoSize)) {
      counters.txRefused++;
      return SendResult.REFUSED;
    }
    if (!hasRoom()) {
      counters.txFull++;
      return SendResult.FULL;
    }
    boolean extra = gsoType != ExtraInfo.GSO_TYPE_NONE;
    int slots = Math.min((length + slotOctets - 1) / slotOctets, TxRequest.NR_SLOTS_MIN);
    // Where slots of the wanted size would be too many, all are made equally larger.
    int perSlot = Math.max(slotOctets, (length + slots - 1) / slots);
    int flags =
        (checksumBlank ? TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED : 0)
            | (dataValidated ? TxRequest.DATA_VALIDATED : 0);
    int done = 0;
    for (boolean first = true; first || done < length; first = false) {
      int fragment = Math.min(perSlot, length - done);
      int id = freeIds[--freeCount];
      inUse[id] = true;
      MemorySegment.copy(
          memory, offset + done, pages.memory(), (long) id * GrantTable.PAGE_SIZE, fragment);
      done += fragment;
      int more = done < length ? TxRequest.MORE_DATA : 0;
      TxRequest.write(
          ring.requestSlot(),
          pages.grant(id),
          0,
          first ? flags | more | (extra ? TxRequest.EXTRA_INFO : 0) : more,
          id,
          first ? length : fragment);
      ring.putRequest();
      if (first && extra) {
        ExtraInfo.writeGso(ring.requestSlot(), 0, gsoSize, gsoType, 0);
        ring.putRequest();
      }
    }
    unpushed = true;
    counters.txFrames++;
    counters.txOctets += length;
    return SendResult.SENT;
  }

  /// Puts a dummy request that changes the multicast list: no data, and a reference that means
  /// nothing.
  SendResult changeMulticast(long address, boolean listed) throws RingViolation {
    if (!hasRoom()) {
      counters.txFull++;
      return SendResult.FULL;
    }
    int id = freeIds[--freeCount];
    inUse[id] = true;
    TxRequest.write(ring.requestSlot(), 0, 0, TxRequest.EXTRA_INFO, id, 0);
    ring.putRequest();
    ring.putRequest(
        listed ? new ExtraInfo.McastAdd(0, address) : new ExtraInfo.McastDel(0, address));
    unpushed = true;
    return SendResult.SENT;
  }

  private boolean allows(int gsoType, int gsoSize) {
    return switch (gsoType) {
      case ExtraInfo.GSO_TYPE_NONE -> true;
      case ExtraInfo.GSO_TYPE_TCPV4 -> features.gsoTcpv4() && gsoSize > 0;
      case ExtraInfo.GSO_TYPE_TCPV6 -> features.gsoTcpv6() && gsoSize > 0;
      default -> false;
    };
  }

  /// Shows the requests put so far to the backend, and tells it if it wants to know.
  void flush() {
    if (unpushed) {
      unpushed = false;
      if (ring.push()) {
        counters.txNotified++;
        channel.notifyPeer();
      } else {
        counters.txNotNotified++;
      }
    }
  }

  private boolean hasRoom() throws RingViolation {
    if (ring.freeRequests() >= ROOM) {
      return true;
    }
    takeResponses();
    if (ring.freeRequests() >= ROOM) {
      return true;
    }
    // A sender that waits must not have its earlier frames wait with it.
    flush();
    stopped = !roomAfterArming();
    return !stopped;
  }

  /// Asks for a notification when half of the requests are answered, and looks once more.
  private boolean roomAfterArming() throws RingViolation {
    ring.armResponseEvent(Math.max(1, (ring.size() - ring.freeRequests()) / 2));
    takeResponses();
    return ring.freeRequests() >= ROOM;
  }

  /// The backend notified.
  ///
  /// @return whether there were responses
  boolean onEvent() throws RingViolation {
    return takeResponses() > 0;
  }

  /// Whether a sender that was refused for want of room may go on; true once.
  boolean resumes() throws RingViolation {
    if (!stopped || ring.freeRequests() < ROOM && !roomAfterArming()) {
      return false;
    }
    stopped = false;
    return true;
  }

  private int takeResponses() throws RingViolation {
    int count = ring.unconsumedResponses();
    for (int i = 0; i < count; i++) {
      MemorySegment response = ring.copyResponse();
      int status = TxResponse.status(response);
      if (status == TxResponse.NULL) {
        // The answer to an extra, which has no id.
        continue;
      }
      int id = TxResponse.id(response);
      if (id >= inUse.length || !inUse[id]) {
        throw new RingViolation("tx response with id " + id + ", which is not in flight");
      }
      if (!persistent && !pages.revoke(id)) {
        throw new RingViolation("tx response with id " + id + " while its grant is still in use");
      }
      inUse[id] = false;
      freeIds[freeCount++] = id;
      if (status != TxResponse.OKAY) {
        counters.txErrors++;
      }
    }
    return count;
  }

  EventChannel channel() {
    return channel;
  }
}
