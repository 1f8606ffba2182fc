package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.io.netif.ExtraInfo;
import org.netback.xen.io.netif.RxRequest;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.io.netif.TxResponse;
import org.netback.xen.ring.RingViolation;

/// A frontend that makes no garbage may be used to show that a backend makes none.
class NetfrontAllocationTest {
  private static final int FRAMES_PER_ROUND = 8;
  private static final int ROUNDS = 5_000;

  private final HandBackend backend = new HandBackend();
  private long received;

  @Test
  void allocatesNothingPerFrame() throws Exception {
    Netfront netfront =
        new Netfront(
            HandBackend.FRONT,
            backend.memory,
            backend.channels,
            backend.store,
            backend.loop,
            List.of(backend.loop),
            NetfrontOptions.LINUX,
            (_, _, _, length, _, _, _, _) -> received += length,
            new NoTrouble());
    netfront.start();
    backend.loop.runReady();
    backend.enter(XenbusState.INIT_WAIT);
    HandBackend.Queue ring = backend.attach("");
    NetfrontQueue queue = netfront.queues().getFirst();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment frame = arena.allocate(65536);
      // Long enough for every path to be compiled, by which short-lived objects vanish.
      for (int i = 0; i < 10 * ROUNDS; i++) {
        round(queue, ring, frame, i);
      }
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < ROUNDS; i++) {
        round(queue, ring, frame, i);
      }
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;

      assertThat(received).isPositive();
      assertThat(queue.counters().txFrames()).isEqualTo(11L * ROUNDS * FRAMES_PER_ROUND);
      assertThat(queue.counters().rxFrames()).isEqualTo(11L * ROUNDS * FRAMES_PER_ROUND);
      assertThat((double) allocated / (2L * ROUNDS * FRAMES_PER_ROUND)).isLessThan(0.1);
    }
  }

  private void round(NetfrontQueue queue, HandBackend.Queue ring, MemorySegment frame, int round)
      throws RingViolation {
    for (int i = 0; i < FRAMES_PER_ROUND; i++) {
      boolean gso = i == 0;
      int length = gso ? 9000 : 64 + (round & 63);
      SendResult result =
          queue.send(
              frame,
              0,
              length,
              gso,
              false,
              gso ? ExtraInfo.GSO_TYPE_TCPV4 : ExtraInfo.GSO_TYPE_NONE,
              gso ? 1448 : 0);
      if (result != SendResult.SENT) {
        throw new IllegalStateException(result.toString());
      }
    }
    queue.flush();
    boolean extra = false;
    for (int waiting = ring.tx.unconsumedRequests(); waiting > 0; waiting--) {
      int[] slots = ring.tx.slots();
      int request = ring.tx.takeRequest();
      int id = TxRequest.id(slots, request);
      int status = extra ? TxResponse.NULL : TxResponse.OKAY;
      extra = !extra && (TxRequest.flags(slots, request) & TxRequest.EXTRA_INFO) != 0;
      ring.tx.putResponse(TxResponse.word(id, status));
    }
    ring.tx.push();
    ring.rx.unconsumedRequests();
    for (int i = 0; i < FRAMES_PER_ROUND; i++) {
      int id = RxRequest.id(ring.rx.slots(), ring.rx.takeRequest());
      ring.rx.putResponse(RxResponse.words(id, 0, RxResponse.DATA_VALIDATED, 64));
    }
    ring.rx.push();
    queue.onRxEvent();
  }
}
