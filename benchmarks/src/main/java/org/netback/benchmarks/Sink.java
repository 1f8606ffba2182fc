package org.netback.benchmarks;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// The rx half of a guest's queue: keeps all its buffers posted, and checks that the frames of each
/// [Source] arrive in order. Confined to one thread.
final class Sink {
  private static final int PAGE = 4096;

  /// What the senders' address ends in, by which their frames are told from the switch's own.
  private static final ValueLayout.OfInt SENDER =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private static final int SENDER_AT = 8;
  private static final int SENDER_END = 0x3e00_0001;

  private final FrontRing ring;
  private final int ringRef;
  private final MemorySegment pages;
  private final int[] grefs;
  private final long[] expected;
  private long frames;
  private long lost;

  /// @param sources how many of them send here
  Sink(GuestMemory memory, int backendDomid, int sources) {
    MemorySegment page = memory.allocate(1);
    ring = FrontRing.initialise(page, RxRequest.SIZE);
    ringRef = memory.grant(page, backendDomid, false);
    pages = memory.allocate(ring.size());
    grefs = new int[ring.size()];
    for (int i = 0; i < grefs.length; i++) {
      grefs[i] = memory.grant(pages.asSlice((long) i * PAGE, PAGE), backendDomid, false);
    }
    expected = new long[sources];
    for (int i = 0; i < sources; i++) {
      expected[i] = (long) i << 32;
    }
  }

  /// The buffers, as the backend may map them.
  List<GrefEntry> pages() {
    return Arrays.stream(grefs).mapToObj(gref -> new GrefEntry(gref, 0, 0)).toList();
  }

  int ringRef() {
    return ringRef;
  }

  long frames() {
    return frames;
  }

  /// Sequence numbers that were skipped.
  long lost() {
    return lost;
  }

  /// Asks to be notified of the next response.
  ///
  /// @return whether there is one already
  boolean finalCheck() throws RingViolation {
    return ring.finalCheck();
  }

  /// Takes what came in and posts the buffers again.
  Push round() throws RingViolation {
    int responses = ring.unconsumedResponses();
    while (responses > 0) {
      responses -= takeFrame(responses);
    }
    if (ring.freeRequests() == 0) {
      return Push.NOTHING;
    }
    while (ring.freeRequests() > 0) {
      int i = ring.reqProdPvt() & (ring.size() - 1);
      ring.putRequest(new RxRequest(i, grefs[i]));
    }
    return ring.push() ? Push.NOTIFY : Push.QUIET;
  }

  private int takeFrame(int responses) {
    int slots = 0;
    int flags;
    int first = ring.rspCons() & (ring.size() - 1);
    boolean extra;
    do {
      if (slots == responses) {
        throw new IllegalStateException("a frame that ends in the middle");
      }
      MemorySegment response = ring.copyResponse();
      slots++;
      if (RxResponse.status(response) < 0) {
        throw new IllegalStateException("rx status " + RxResponse.status(response));
      }
      flags = RxResponse.flags(response);
      extra = (flags & RxResponse.EXTRA_INFO) != 0;
      if (extra) {
        ring.copyResponse();
        slots++;
      }
    } while ((flags & RxResponse.MORE_DATA) != 0);
    if (pages.get(SENDER, (long) first * PAGE + SENDER_AT) != SENDER_END) {
      // The switch asks for members of groups.
      return slots;
    }
    long sequence = pages.get(Source.SEQUENCE, (long) first * PAGE + Source.SEQUENCE_AT);
    int source = (int) (sequence >>> 32);
    if (source >= expected.length || sequence < expected[source]) {
      throw new IllegalStateException(
          "frame " + Long.toHexString(sequence) + " twice, out of order, or overwritten");
    }
    lost += sequence - expected[source];
    expected[source] = sequence + 1;
    frames++;
    return slots;
  }
}
