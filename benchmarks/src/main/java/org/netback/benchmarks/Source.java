package org.netback.benchmarks;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// The tx half of a guest's queue that sends frames of one length as fast as the ring takes them.
/// Pages are granted once, so that the generator does no more than the C limit's does. Each frame
/// carries a sequence number at octet [#SEQUENCE_AT]. Confined to one thread.
final class Source {
  static final ValueLayout.OfLong SEQUENCE = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(BIG_ENDIAN);
  static final int SEQUENCE_AT = 64 - Long.BYTES;
  private static final int PAGE = 4096;
  private static final int BATCH = 32;

  private final FrontRing ring;
  private final int ringRef;
  private final MemorySegment pages;
  private final int[] grefs;
  private final int length;
  private final int slots;
  private final byte[] header;
  private long next;
  private long failed;

  /// @param backendDomid to whom ring and pages are granted
  /// @param number tells the sources of one run apart; the sequence numbers' high 32 bits
  /// @param length octets of each frame; above a page it is sent as TCPv4 GSO
  /// @param header what each frame starts with
  Source(GuestMemory memory, int backendDomid, int number, int length, byte[] header) {
    MemorySegment page = memory.allocate(1);
    ring = FrontRing.initialise(page, TxRequest.SIZE);
    ringRef = memory.grant(page, backendDomid, false);
    pages = memory.allocate(ring.size());
    grefs = new int[ring.size()];
    for (int i = 0; i < grefs.length; i++) {
      MemorySegment slot = pages.asSlice((long) i * PAGE, PAGE);
      grefs[i] = memory.grant(slot, backendDomid, true);
      MemorySegment.copy(header, 0, slot, ValueLayout.JAVA_BYTE, 0, header.length);
    }
    this.length = length;
    this.header = header;
    next = (long) number << 32;
    slots = (length + PAGE - 1) / PAGE + (length > PAGE ? 1 : 0);
  }

  /// The pages that frames lie in, as the backend may map them.
  List<GrefEntry> pages() {
    return Arrays.stream(grefs)
        .mapToObj(gref -> new GrefEntry(gref, GrefEntry.READONLY, 0))
        .toList();
  }

  int ringRef() {
    return ringRef;
  }

  /// Frames that were answered with an error.
  long failed() {
    return failed;
  }

  /// Asks to be notified of the next response.
  ///
  /// @return whether there is one already
  boolean finalCheck() throws RingViolation {
    return ring.finalCheck();
  }

  /// Takes back what was answered, and sends as much as one batch and the ring allow.
  ///
  /// @return whether anything was published, and whether the backend wants to be notified
  Push round() throws RingViolation {
    for (int n = ring.unconsumedResponses(); n > 0; n--) {
      if (TxResponse.status(ring.copyResponse()) < 0) {
        failed++;
      }
    }
    int batch = 0;
    while (batch < BATCH && ring.freeRequests() >= slots) {
      put();
      batch++;
    }
    if (batch == 0) {
      return Push.NOTHING;
    }
    return ring.push() ? Push.NOTIFY : Push.QUIET;
  }

  private void put() {
    int left = length;
    for (boolean first = true; left > 0; first = false) {
      int i = ring.reqProdPvt() & (ring.size() - 1);
      int octets = Math.min(left, PAGE);
      boolean gso = first && length > PAGE;
      if (first) {
        long at = (long) i * PAGE;
        if (length > PAGE) {
          // A page that last carried the middle of a frame.
          MemorySegment.copy(header, 0, pages, ValueLayout.JAVA_BYTE, at, header.length);
        }
        pages.set(SEQUENCE, at + SEQUENCE_AT, next);
      }
      left -= octets;
      int flags =
          (left > 0 ? TxRequest.MORE_DATA : 0)
              | (gso ? TxRequest.EXTRA_INFO | TxRequest.CSUM_BLANK | TxRequest.DATA_VALIDATED : 0);
      ring.putRequest(new TxRequest(grefs[i], 0, flags, i, first ? length : octets));
      if (gso) {
        ring.putRequest(new ExtraInfo.Gso(0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0));
      }
    }
    next++;
  }
}
