package org.netback.xen.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.netback.xen.event.EventLoop;
import org.netback.xen.event.Polled;

@Timeout(60)
class NettyLoopTest {
  @Test
  void runsTasksAndTimersOnItsOneThread() throws Exception {
    try (NettyLoop loop = NettyLoop.start("loop-test")) {
      CompletableFuture<Thread> task = new CompletableFuture<>();
      CompletableFuture<Thread> timer = new CompletableFuture<>();
      loop.execute(() -> task.complete(Thread.currentThread()));
      long before = loop.nanoTime();
      CompletableFuture<Long> after = new CompletableFuture<>();
      loop.schedule(
          1_000_000,
          () -> {
            timer.complete(Thread.currentThread());
            after.complete(loop.nanoTime());
          });

      Thread thread = task.get(30, TimeUnit.SECONDS);
      assertThat(timer.get(30, TimeUnit.SECONDS)).isSameAs(thread);
      assertThat(after.get(30, TimeUnit.SECONDS) - before).isGreaterThanOrEqualTo(1_000_000);
      assertThat(thread.isDaemon()).isTrue();
      assertThat(thread.getName()).startsWith("loop-test");
      assertThat(loop.inLoop()).isFalse();
    }
  }

  @Test
  void doesNotRunACancelledTimer() throws Exception {
    try (NettyLoop loop = NettyLoop.start("loop-test")) {
      CountDownLatch ran = new CountDownLatch(1);
      CountDownLatch later = new CountDownLatch(1);
      EventLoop.Timer timer = loop.schedule(20_000_000, ran::countDown);
      timer.cancel();
      loop.schedule(40_000_000, later::countDown);

      assertThat(later.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(ran.getCount()).isEqualTo(1);
      timer.cancel();
    }
  }

  @Test
  void leavesNoThreadAndTakesNoTaskAfterClose() throws Exception {
    NettyLoop loop = NettyLoop.start("loop-test");
    CompletableFuture<Thread> task = new CompletableFuture<>();
    loop.execute(() -> task.complete(Thread.currentThread()));
    Thread thread = task.get(30, TimeUnit.SECONDS);

    loop.close();
    loop.close();

    thread.join(30_000);
    assertThat(thread.isAlive()).isFalse();
    assertThatThrownBy(() -> loop.execute(() -> {})).isInstanceOf(RejectedExecutionException.class);
  }

  /// A ring that is looked at without events, and what comes in by other ways meanwhile.
  @Test
  void lingersWithoutKeepingTasksAndTimersWaiting() throws Exception {
    try (NettyLoop loop = NettyLoop.start("loop-test", 100_000_000)) {
      AtomicBoolean work = new AtomicBoolean();
      CountDownLatch found = new CountDownLatch(1);
      CountDownLatch armed = new CountDownLatch(1);
      Polled ring =
          new Polled() {
            @Override
            public boolean poll() {
              if (work.compareAndSet(true, false)) {
                found.countDown();
                return true;
              }
              return false;
            }

            // Comes back until there was work.
            @Override
            public void arm() {
              armed.countDown();
              if (found.getCount() > 0) {
                askUntilItLingers(loop, this);
              }
            }
          };
      askUntilItLingers(loop, ring);
      work.set(true);
      assertThat(found.await(30, TimeUnit.SECONDS)).isTrue();

      CountDownLatch others = new CountDownLatch(2);
      loop.execute(others::countDown);
      loop.schedule(1_000, others::countDown);
      assertThat(others.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(armed.await(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  /// Short sleeps teach it to.
  private static void askUntilItLingers(NettyLoop loop, Polled ring) {
    loop.schedule(
        10_000,
        () -> {
          if (!loop.linger(ring)) {
            askUntilItLingers(loop, ring);
          }
        });
  }
}
