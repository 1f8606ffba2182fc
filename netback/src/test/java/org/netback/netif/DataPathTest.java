package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.ring.RingViolation;

/// Guest to switch to guest through real rings and grants, as often as it takes to be compiled.
final class DataPathTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int WARM_UP = 3000;
  private static final int MEASURED = 2000;

  private final int[] txGrefs = new int[256];
  private final int[] rxGrefs = new int[256];

  /// Frames of 64 octets, of 1500, of three slots, and of 64 KiB with a GSO extra; and with the
  /// guest's hash told of each, from and to pages that are mapped for good.
  @ParameterizedTest
  @CsvSource({
    "64, 32, false, false",
    "1500, 32, false, false",
    "9000, 16, false, false",
    "65000, 8, true, false",
    "64, 32, false, true",
    "65000, 8, true, true"
  })
  void makesNoGarbagePerFrame(int length, int batch, boolean gso, boolean control)
      throws RingViolation {
    try (House house = new House()) {
      house.sinkPort.close();
      RawGuest a = house.guest(-1000);
      RawGuest b = house.guest(-1000);
      a.ctrl();
      b.ctrl();
      a.connect();
      b.connect();
      byte[] frame = gso ? Frames.tcp(1, 2, length) : Frames.udp(1, 2, length);
      byte[] reply = Frames.udp(2, 1, 60);
      a.queue().post(2);
      b.queue().send(reply);
      house.settle();
      a.queue().receive();
      b.queue().responses();
      preparePages(a, b, frame);
      if (control) {
        mapForGood(a, txGrefs);
        mapForGood(b, rxGrefs);
        b.ctrl().hash(Oracle.KEY);
      }
      long allocated = 0;
      for (int i = 0; i < WARM_UP + MEASURED; i++) {
        if (i == WARM_UP) {
          allocated = THREADS.getCurrentThreadAllocatedBytes();
        }
        put(a.queue().tx, length, batch, gso);
        post(b.queue().rx, batch * (length / 4096 + 3));
        if (a.queue().tx.push()) {
          a.queue().txChannel.notifyPeer();
        }
        b.queue().rx.push();
        house.loop.runReady();
        drain(a.queue().tx);
        drain(b.queue().rx);
      }
      allocated = THREADS.getCurrentThreadAllocatedBytes() - allocated;
      assertThat(b.statistics().egressFrames()).isEqualTo((long) batch * (WARM_UP + MEASURED));
      assertThat(b.rx().mappedCopies() > 0).isEqualTo(control);
      // Compilers and counters may allocate once; a frame may not.
      assertThat(allocated).isLessThan((long) batch * MEASURED / 8);
    }
  }

  private static void mapForGood(RawGuest guest, int... grefs) {
    guest.ctrl().putList(Arrays.stream(grefs).mapToObj(g -> new GrefEntry(g, 0, 0)).toList());
    guest
        .ctrl()
        .demand(CtrlRequest.TYPE_ADD_GREF_MAPPING, 0, guest.ctrl().data.gref(), grefs.length);
  }

  private void preparePages(RawGuest a, RawGuest b, byte[] frame) {
    for (int i = 0; i < 256; i++) {
      RawGuest.Page page = a.page(true);
      txGrefs[i] = page.gref();
      int at = i % slots(frame.length) * 4096;
      MemorySegment.copy(
          frame, at, page.memory(), ValueLayout.JAVA_BYTE, 0, Math.min(4096, frame.length - at));
      rxGrefs[i] = b.page(true).gref();
    }
  }

  private static int slots(int length) {
    return (length + 4095) / 4096;
  }

  private void put(FrontRing ring, int length, int batch, boolean gso) {
    int slots = slots(length);
    for (int i = 0; i < batch; i++) {
      for (int slot = 0; slot < slots; slot++) {
        int flags = slot < slots - 1 ? TxRequest.MORE_DATA : 0;
        if (slot == 0 && gso) {
          flags |= TxRequest.EXTRA_INFO | TxRequest.CSUM_BLANK;
        }
        int size = slot == 0 ? length : Math.min(4096, length - slot * 4096);
        TxRequest.write(ring.requestSlot(), txGrefs[slot], 0, flags, slot, size);
        ring.putRequest();
        if (slot == 0 && gso) {
          ExtraInfo.writeGso(ring.requestSlot(), 0, 1448, ExtraInfo.GSO_TYPE_TCPV4, 0);
          ring.putRequest();
        }
      }
    }
  }

  private void post(FrontRing ring, int most) {
    int free = Math.min(most, ring.freeRequests());
    for (int i = 0; i < free; i++) {
      RxRequest.write(ring.requestSlot(), i, rxGrefs[ring.reqProdPvt() & 0xff]);
      ring.putRequest();
    }
  }

  private static void drain(FrontRing ring) throws RingViolation {
    for (int n = ring.unconsumedResponses(); n > 0; n--) {
      ring.copyResponse();
    }
    // As a frontend that comes back by itself: nobody needs to be notified.
  }
}
