package org.netback.netif;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.netback.xen.netty.NettyLoop;

/// Guests that come and go while frames are under way on other threads.
final class VifThreadsTest {
  private final NettyLoop first = NettyLoop.start("test-loop-0");
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

  @Test
  void closesAfterItsLoopsHaveEnded() {
    RawGuest guest = house.guest().connect();
    first.close();
    second.close();
    guest.vif.disconnect();
    assertThat(guest.isUnmapped()).isTrue();
  }
}
