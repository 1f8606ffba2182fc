package org.netback.loop;

import static org.assertj.core.api.Assertions.assertThat;

final class SteppedLoopContractTest extends EventLoopContract {
  private final SteppedLoop loop = new SteppedLoop(errors);

  @Override
  protected EventLoop loop() {
    return loop;
  }

  @Override
  protected void until(Condition condition) {
    for (int i = 0; i < 100 && !condition.holds(); i++) {
      loop.advance(1_000_000);
      loop.look();
      if (!condition.holds()) {
        loop.rest();
      }
    }
    assertThat(condition.holds()).isTrue();
  }

  @Override
  protected void lingerAt(Polled work) {
    loop.startLingering();
    assertThat(loop.linger(work)).isTrue();
  }
}
