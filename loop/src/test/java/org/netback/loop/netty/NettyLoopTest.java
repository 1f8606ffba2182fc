package org.netback.loop.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.unix.FileDescriptor;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.loop.Polled;

@Timeout(60)
class NettyLoopTest {
  private static final int TASKS = 50;

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
      // The loop is held meanwhile: however long the cancelling takes, the timer is not due before.
      CountDownLatch cancelled = new CountDownLatch(1);
      loop.execute(() -> hold(cancelled));
      EventLoop.Timer timer = loop.schedule(20_000_000, ran::countDown);
      timer.cancel();
      loop.schedule(40_000_000, later::countDown);
      cancelled.countDown();

      assertThat(later.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(ran.getCount()).isEqualTo(1);
      timer.cancel();
    }
  }

  private static void hold(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
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

  /// Those that are left when it closes take another way through Netty.
  @Test
  void recordsWhatEscapesItsLastTasks() throws Exception {
    InternalErrors errors = new InternalErrors(System::nanoTime, _ -> {});
    NettyLoop loop = NettyLoop.start("loop-test", 0, errors);
    CountDownLatch ran = new CountDownLatch(TASKS);
    loop.execute(
        () -> {
          loop.close();
          for (int i = 0; i < TASKS; i++) {
            loop.execute(
                () -> {
                  ran.countDown();
                  throw new IllegalStateException("a bug");
                });
          }
        });
    loop.close();
    assertThat(ran.getCount()).isZero();
    assertThat(errors.count()).isEqualTo(TASKS);
  }

  /// Rings that always have work, and what comes in by other ways meanwhile.
  @ParameterizedTest
  @ValueSource(ints = {1, 20})
  void lingersWithoutKeepingTasksTimersAndDescriptorsWaiting(int rings) throws Exception {
    try (NettyLoop loop = NettyLoop.start("loop-test", 100_000_000)) {
      AtomicBoolean busy = new AtomicBoolean(true);
      CountDownLatch armed = new CountDownLatch(rings);
      CountDownLatch lingering = new CountDownLatch(rings);
      for (int i = 0; i < rings; i++) {
        Polled ring =
            new Polled() {
              @Override
              public boolean poll() {
                return busy.get();
              }

              // Comes back, if it was not its turn for too long.
              @Override
              public void arm() {
                if (busy.get()) {
                  askUntilItLingers(loop, this, lingering);
                } else {
                  armed.countDown();
                }
              }
            };
        askUntilItLingers(loop, ring, lingering);
      }
      assertThat(lingering.await(30, TimeUnit.SECONDS)).isTrue();

      CountDownLatch others = new CountDownLatch(2);
      loop.execute(others::countDown);
      loop.schedule(1_000, others::countDown);
      assertThat(others.await(30, TimeUnit.SECONDS)).isTrue();
      // Nor do tasks that always come again.
      loop.execute(
          new Runnable() {
            @Override
            public void run() {
              if (busy.get()) {
                loop.execute(this);
              }
            }
          });
      FileDescriptor[] pipe = FileDescriptor.pipe();
      CountDownLatch readable = new CountDownLatch(1);
      FdWatch watch = FdWatch.open(loop, pipe[0].intValue(), readable::countDown);
      pipe[1].write(ByteBuffer.allocateDirect(1), 0, 1);
      assertThat(readable.await(30, TimeUnit.SECONDS)).isTrue();
      watch.close();

      busy.set(false);
      assertThat(armed.await(30, TimeUnit.SECONDS)).isTrue();
      pipe[0].close();
      pipe[1].close();
    }
  }

  /// Short sleeps teach it to.
  private static void askUntilItLingers(NettyLoop loop, Polled ring, CountDownLatch lingering) {
    loop.schedule(
        10_000,
        () -> {
          if (loop.linger(ring)) {
            lingering.countDown();
          } else {
            askUntilItLingers(loop, ring, lingering);
          }
        });
  }
}
