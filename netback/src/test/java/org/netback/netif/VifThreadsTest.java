package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.netty.NettyLoop;
import org.netback.vswitch.DropReason;
import org.netback.xen.io.netif.CtrlRequest;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.io.netif.TxRequest;

/// Guests that come and go while frames are under way on other threads.
final class VifThreadsTest {
  private final NettyLoop first = NettyLoop.start("test-loop-0", 20_000);
  private final NettyLoop second = NettyLoop.start("test-loop-1");
  private final House house = new House(List.of(first, second));

  @AfterEach
  void close() {
    house.close();
    first.close();
    second.close();
  }

  /// CVE-2026-100080: statistics are read all the time, also while the rings are being unmapped.
  /// XSA-90, 331, 350, CVE-2026-99287: nothing of a guest's is touched after the disconnect.
  @Test
  void disconnectsUnderTrafficWhileStatisticsAreRead() throws InterruptedException {
    RawGuest a = house.guest();
    a.useQueues(2);
    a.connect();
    RawGuest b = house.guest();
    b.useQueues(2);
    b.connect();
    AtomicBoolean done = new AtomicBoolean();
    AtomicReference<Throwable> problem = new AtomicReference<>(new AssertionError("none"));
    Throwable none = problem.get();
    Thread reader =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    while (!done.get()) {
                      assertThat(house.backend.statistics()).hasSize(2);
                    }
                  } catch (RuntimeException | AssertionError e) {
                    problem.set(e);
                  }
                });
    long answered = 0;
    long sent = 0;
    byte[] frame = Frames.udp(1, 2, 1000);
    byte[] back = Frames.udp(2, 1, 1000);
    for (int cycle = 0; cycle < 1000; cycle++) {
      for (int i = 0; i < 20; i++) {
        RawGuest.Queue queue = a.queues.get(i & 1);
        if (queue.tx.freeRequests() > 3) {
          queue.send(i % 3 == 0 ? back : frame, 400, 0);
          sent += 3;
        }
        b.queues.get(i & 1).send(back, 400, 0);
      }
      b.queues.get(0).post(20);
      for (RawGuest.Queue queue : a.queues) {
        answered += queue.responses().size();
      }
      house.settle();
      b.vif.disconnect();
      assertThat(b.isUnmapped()).isTrue();
      b.resetRings();
      b.connect();
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (answered < sent && System.nanoTime() < deadline) {
      for (RawGuest.Queue queue : a.queues) {
        answered += queue.responses().size();
      }
      Thread.onSpinWait();
    }
    done.set(true);
    reader.join();
    assertThat(answered).isEqualTo(sent);
    assertThat(problem.get()).isSameAs(none);
    assertThat(a.failures).isEmpty();
    assertThat(b.failures).isEmpty();
    assertThat(house.vswitch.network("default").ports()).hasSize(3);
  }

  /// A rate's queue is filled by two loops and emptied by one; what passes it by does not overtake.
  @Test
  void framesOfTwoLoopsKeepTheirOrderAtARate() throws InterruptedException {
    RawGuest a = house.guest();
    a.useQueues(2);
    a.connect();
    RawGuest b = house.guest();
    b.writeBackend(Vif.RATE_TO_GUEST, Rate.parse("50Mb/s@1ms").node());
    b.connect();
    b.queue().send(Frames.udp(2, 1, 60));
    // One for each slot, so that none is written to while it is under way.
    RawGuest.Page[][] pages = new RawGuest.Page[2][256];
    byte[] template = Frames.udp(1, 2, 1000);
    for (RawGuest.Page[] each : pages) {
      Arrays.setAll(each, i -> a.page(false));
    }
    int[] sent = new int[2];
    int[] last = new int[2];
    long received = 0;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (sent[0] + sent[1] < 40_000 || received + dropped(b) < sent[0] + sent[1]) {
      assertThat(System.nanoTime()).as("deadline").isLessThan(deadline);
      for (int q = 0; q < 2; q++) {
        RawGuest.Queue queue = a.queues.get(q);
        queue.responses();
        while (sent[q] < 20_000 && queue.tx.freeRequests() > 60) {
          RawGuest.Page page = pages[q][++sent[q] & 0xff];
          MemorySegment.copy(template, 0, page.memory(), ValueLayout.JAVA_BYTE, 0, 1000);
          page.memory().asByteBuffer().putInt(60, q).putInt(64, sent[q]);
          queue.put(new TxRequest(page.gref(), 0, 0, sent[q] & 0xffff, 1000));
        }
        queue.push();
      }
      b.queue().post(b.queue().rx.freeRequests());
      for (RawGuest.Received frame : b.queue().receive()) {
        ByteBuffer octets = ByteBuffer.wrap(frame.octets());
        assertThat(octets.getInt(64)).isGreaterThan(last[octets.getInt(60)]);
        last[octets.getInt(60)] = octets.getInt(64);
        received++;
      }
      house.settle();
    }
    assertThat(received).isPositive();
    assertThat(b.statistics().drops()).containsKey(DropReason.RATE_LIMITED);
  }

  private static long dropped(RawGuest guest) {
    return guest.statistics().drops().values().stream().mapToLong(n -> n).sum();
  }

  /// Keys, mappings and mapped pages change all the time, frames go both ways, and the guest is
  /// disconnected wherever that happens to be. What arrives is whole, and nothing stays mapped.
  @Test
  void changesHashesAndMappedPagesUnderTrafficAndDisconnects() {
    RawGuest a = house.guest();
    a.connect();
    RawGuest b = house.guest();
    b.useQueues(2);
    RawCtrl ctrl = b.ctrl();
    RawGuest.Page keys = b.page(false);
    RawGuest.Page mappings = b.page(false);
    List<RawGuest.Page> lists = List.of(b.page(false), b.page(false));
    b.connect();
    byte[] frame = Frames.tcp(1, 2, 1000);
    byte[] back = Frames.udp(2, 9, 1000);
    Random random = new Random(5);
    long received = 0;
    long hashed = 0;
    long mappedCopies = 0;
    int succeeded = 0;
    for (int cycle = 0; cycle < 300; cycle++) {
      int asked = 0;
      for (int i = 0; i < 2; i++) {
        RawGuest.Queue queue = b.queues.get(i);
        queue.post(40);
        int at = 0;
        for (RawGuest.Page page : queue.posted.values()) {
          new GrefEntry(page.gref(), 0, 0).writeTo(lists.get(i).memory().asSlice(8L * at++, 8));
        }
      }
      for (int round = 0; round < 12; round++) {
        keys.memory().set(ValueLayout.JAVA_INT, 0, random.nextInt());
        mappings.memory().set(ValueLayout.JAVA_INT, 0, random.nextInt(3));
        int queue = random.nextInt(2);
        switch (round) {
          case 0 -> ctrl.put(CtrlRequest.TYPE_SET_HASH_ALGORITHM, 1, 0, 0);
          case 1 -> ctrl.put(CtrlRequest.TYPE_SET_HASH_FLAGS, 15, 0, 0);
          case 2 -> ctrl.put(CtrlRequest.TYPE_SET_HASH_MAPPING_SIZE, 1, 0, 0);
          case 3, 7, 10 ->
              ctrl.put(CtrlRequest.TYPE_ADD_GREF_MAPPING, queue, lists.get(queue).gref(), 40);
          case 5, 9, 11 ->
              ctrl.put(
                  CtrlRequest.TYPE_DEL_GREF_MAPPING,
                  queue,
                  lists.get(queue).gref(),
                  random.nextInt(41));
          default -> {
            ctrl.put(CtrlRequest.TYPE_SET_HASH_KEY, keys.gref(), 40, 0);
            ctrl.put(CtrlRequest.TYPE_SET_HASH_MAPPING, mappings.gref(), 1, 0);
            asked++;
          }
        }
        asked++;
        ctrl.push();
        if (a.queue().tx.freeRequests() > 3) {
          a.queue().send(frame, 400, 0);
        }
        RawGuest.Queue sending = b.queues.get(queue);
        if (sending.tx.freeRequests() > 3) {
          sending.send(back, 400, 0);
        }
        a.queue().responses();
      }
      if (cycle % 3 == 0) {
        int before = succeeded;
        List<CtrlResponse> responses = new ArrayList<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (responses.size() < asked && System.nanoTime() < deadline) {
          responses.addAll(ctrl.responses());
          Thread.onSpinWait();
        }
        assertThat(responses).hasSize(asked);
        succeeded +=
            (int)
                responses.stream()
                    .filter(response -> response.status() == CtrlResponse.STATUS_SUCCESS)
                    .count();
        assertThat(succeeded).isGreaterThan(before);
      }
      mappedCopies += b.statistics().queues().stream().mapToLong(q -> q.rx().mappedCopies()).sum();
      b.vif.disconnect();
      assertThat(b.isUnmapped()).isTrue();
      for (RawGuest.Queue queue : b.queues) {
        for (RawGuest.Received got : queue.receive()) {
          assertThat(got.octets()).isEqualTo(frame);
          received++;
          hashed += got.hash().isPresent() ? 1 : 0;
        }
        for (RawGuest.Page page : queue.posted.values()) {
          assertThat(b.domain.memory().revoke(page.gref())).isTrue();
          assertThat(b.domain.memory().grant(page.memory(), 0, false)).isEqualTo(page.gref());
        }
      }
      b.resetRings();
      b.connect();
    }
    assertThat(received).isPositive();
    assertThat(hashed).isPositive();
    assertThat(mappedCopies).isPositive();
    assertThat(a.failures).isEmpty();
    assertThat(b.failures).isEmpty();
  }

  @Test
  void closesAfterItsLoopsHaveEnded() {
    RawGuest guest = house.guest().connect();
    first.close();
    second.close();
    guest.vif.disconnect();
    assertThat(guest.isUnmapped()).isTrue();
  }
}
