package org.netback.benchmarks.scale;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.Hypervisor;
import org.netback.xen.event.EventChannel;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;
import org.netback.xen.store.XenStore;

/// One guest with one queue, whose buffers are posted from the start. It sends frames of 64 octets
/// with a sequence number, and looks at the one of each that it gets. Confined to one thread once
/// it is connected.
final class Guest {
  private static final int BACKEND = Hypervisor.BACKEND_DOMID;
  private static final int PAGE = 4096;
  private static final int LENGTH = 64;
  private static final int BATCH = 32;
  private static final long PATIENCE_SECONDS = 30;

  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final int SOURCE_AT = 6;
  private static final int TYPE_AT = 12;
  private static final short TYPE = (short) 0x88b5;
  private static final int SEQUENCE_AT = LENGTH - Long.BYTES;

  private final GuestDomain domain;
  private final long address;
  private final FrontRing tx;
  private final FrontRing rx;
  private final MemorySegment txPages;
  private final MemorySegment rxPages;
  private final int[] txGrefs;
  private final int[] rxGrefs;
  private final int txRingRef;
  private final int rxRingRef;
  private final EventChannel txChannel;
  private final EventChannel rxChannel;
  private long sent;
  private long expected;
  private long frames;
  private long lost;

  /// @param loop tells the backend's notifications, which nobody listens to: guests look themselves
  Guest(GuestDomain domain, long address, EventLoop loop) throws IOException {
    this.domain = domain;
    this.address = address;
    MemorySegment txPage = domain.memory().allocate(1);
    MemorySegment rxPage = domain.memory().allocate(1);
    tx = FrontRing.initialise(txPage, TxRequest.SIZE);
    rx = FrontRing.initialise(rxPage, RxRequest.SIZE);
    txRingRef = domain.memory().grant(txPage, BACKEND, false);
    rxRingRef = domain.memory().grant(rxPage, BACKEND, false);
    txPages = domain.memory().allocate(tx.size());
    rxPages = domain.memory().allocate(rx.size());
    txGrefs = grant(txPages, true);
    rxGrefs = grant(rxPages, false);
    txChannel = domain.events().allocate(BACKEND, loop, () -> true);
    rxChannel = domain.events().allocate(BACKEND, loop, () -> true);
  }

  private int[] grant(MemorySegment pages, boolean readOnly) {
    int[] grefs = new int[(int) (pages.byteSize() / PAGE)];
    for (int i = 0; i < grefs.length; i++) {
      grefs[i] = domain.memory().grant(pages.asSlice((long) i * PAGE, PAGE), BACKEND, readOnly);
    }
    return grefs;
  }

  /// Introduces itself and waits for the backend.
  void connect() throws IOException, InterruptedException {
    XenStore store = domain.store();
    String front = domain.frontendPath("vif", 0);
    String back = store.read(front + "/backend").orElseThrow();
    await(store, back + "/state", XenbusState.INIT_WAIT);
    store.write(front + "/tx-ring-ref", Integer.toString(txRingRef));
    store.write(front + "/rx-ring-ref", Integer.toString(rxRingRef));
    store.write(front + "/event-channel-tx", Integer.toString(txChannel.port()));
    store.write(front + "/event-channel-rx", Integer.toString(rxChannel.port()));
    for (String feature : List.of("request-rx-copy", "feature-rx-notify", "feature-sg")) {
      store.write(front + '/' + feature, "1");
    }
    post();
    store.write(front + "/state", XenbusState.CONNECTED.text());
    await(store, back + "/state", XenbusState.CONNECTED);
  }

  private static void await(XenStore store, String path, XenbusState state)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (XenbusState.parse(store.read(path).orElse("")) != state) {
      if (System.nanoTime() > end) {
        throw new IOException(path + " does not become " + state);
      }
      TimeUnit.MILLISECONDS.sleep(1);
    }
  }

  int domid() {
    return domain.domid();
  }

  long address() {
    return address;
  }

  /// Frames of other guests that it has got.
  long frames() {
    return frames;
  }

  /// Sequence numbers that were skipped.
  long lost() {
    return lost;
  }

  /// Takes back what was answered, and sends as much as one batch and the ring allow.
  ///
  /// @param first of the addresses that it sends to, at random
  /// @param addresses how many there are
  /// @return whether it has sent anything
  boolean send(long first, int addresses) throws RingViolation {
    for (int n = tx.unconsumedResponses(); n > 0; n--) {
      int status = TxResponse.status(tx.copyResponse());
      if (status < 0) {
        throw new IllegalStateException("tx status " + status);
      }
    }
    int batch = Math.min(BATCH, tx.freeRequests());
    for (int n = batch; n > 0; n--) {
      int i = tx.reqProdPvt() & (tx.size() - 1);
      long at = (long) i * PAGE;
      long to = first + (((sent * 0x9e3779b97f4a7c15L >>> 33) * addresses) >>> 31);
      // Its last two octets are the first of the source's.
      txPages.set(LONG, at, to << 16 | address >>> 32);
      txPages.set(LONG, at + SOURCE_AT, address << 16 | TYPE & 0xffff);
      txPages.set(LONG, at + SEQUENCE_AT, sent++);
      tx.putRequest(new TxRequest(txGrefs[i], 0, 0, i, LENGTH));
    }
    if (batch > 0 && tx.push()) {
      txChannel.notifyPeer();
    }
    return batch > 0;
  }

  /// Takes what came in and posts the buffers again.
  ///
  /// @return whether anything came
  boolean receive() throws RingViolation {
    int responses = rx.unconsumedResponses();
    for (int n = responses; n > 0; n--) {
      long at = (long) (rx.rspCons() & (rx.size() - 1)) * PAGE;
      MemorySegment response = rx.copyResponse();
      int status = RxResponse.status(response);
      if (status < 0) {
        throw new IllegalStateException("rx status " + status);
      }
      // Others than guests' are the switch's own: it asks for members of groups.
      if (rxPages.get(SHORT, at + TYPE_AT) == TYPE) {
        long sequence = rxPages.get(LONG, at + SEQUENCE_AT);
        if (sequence < expected) {
          throw new IllegalStateException("frame " + sequence + " twice, or out of order");
        }
        lost += sequence - expected;
        expected = sequence + 1;
        frames++;
      }
    }
    if (responses > 0) {
      post();
    }
    return responses > 0;
  }

  private void post() {
    while (rx.freeRequests() > 0) {
      int i = rx.reqProdPvt() & (rx.size() - 1);
      rx.putRequest(new RxRequest(i, rxGrefs[i]));
    }
    if (rx.push()) {
      rxChannel.notifyPeer();
    }
  }

  void close() {
    domain.close();
  }
}
