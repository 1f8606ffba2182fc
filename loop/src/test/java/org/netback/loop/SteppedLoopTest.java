package org.netback.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class SteppedLoopTest {
  @Test
  void runsTimersAtTheirOwnTimeInOrder() {
    SteppedLoop loop = new SteppedLoop(Long.MAX_VALUE - 5);
    List<String> ran = new ArrayList<>();
    long start = loop.nanoTime();
    loop.schedule(
        20,
        () -> {
          ran.add("20 at " + (loop.nanoTime() - start));
          loop.schedule(5, () -> ran.add("25 at " + (loop.nanoTime() - start)));
        });
    loop.schedule(10, () -> ran.add("10 at " + (loop.nanoTime() - start)));
    loop.schedule(15, () -> ran.add("never")).cancel();
    loop.execute(() -> ran.add("task"));

    loop.advance(30);

    assertThat(ran).containsExactly("task", "10 at 10", "20 at 20", "25 at 25");
    assertThat(loop.pendingTimers()).isZero();
    assertThat(loop.nanoTime() - start).isEqualTo(30);
  }

  @Test
  void failsTheTestWhoseCallbackThrowsOnceTheOthersHaveRun() {
    SteppedLoop loop = new SteppedLoop();
    List<String> ran = new ArrayList<>();
    loop.execute(
        () -> {
          throw new IllegalStateException("planted");
        });
    loop.execute(() -> ran.add("task"));

    assertThatThrownBy(loop::runReady)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("planted");
    assertThat(ran).containsExactly("task");
    assertThat(loop.runReady()).isZero();
  }
}
