package org.netback.loop.netty;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.netback.loop.EventLoop;
import org.netback.loop.EventLoopContract;
import org.netback.loop.Polled;

@Timeout(120)
final class NettyLoopContractTest extends EventLoopContract {
  private final NettyLoop loop = NettyLoop.start("contract", 1_000_000, errors);

  @AfterEach
  void close() {
    loop.close();
  }

  @Override
  protected EventLoop loop() {
    return loop;
  }

  @Override
  protected void until(Condition condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.holds()) {
      assertThat(System.nanoTime() - deadline).isNegative();
      Thread.onSpinWait();
    }
  }

  /// Short sleeps teach it to.
  @Override
  protected void lingerAt(Polled work) {
    loop.schedule(
        10_000,
        () -> {
          if (!loop.linger(work)) {
            lingerAt(work);
          }
        });
  }
}
