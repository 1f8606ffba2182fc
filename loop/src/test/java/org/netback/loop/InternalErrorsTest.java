package org.netback.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class InternalErrorsTest {
  private long now = Long.MAX_VALUE - 5;
  private final List<InternalErrors.Report> log = new ArrayList<>();
  private final InternalErrors errors = new InternalErrors(() -> now, log::add);

  @Test
  void tellsOfEachKindOnceAndCountsAll() {
    for (int i = 0; i < 1000; i++) {
      errors.record("loop-0", planted());
      errors.record("loop-1", planted());
      errors.record("loop-1", new StackOverflowError());
    }

    assertThat(errors.count()).isEqualTo(3000);
    assertThat(log)
        .extracting(report -> report.owner() + ' ' + report.error().getClass().getSimpleName())
        .containsExactly(
            "loop-0 IllegalStateException",
            "loop-1 IllegalStateException",
            "loop-1 StackOverflowError");
  }

  @Test
  void saysHowManyWereWithheldWhenTheKindComesAgain() {
    for (int i = 0; i < 1000; i++) {
      errors.record("loop-0", planted());
    }
    now += InternalErrors.WINDOW_NANOS;
    errors.record("loop-0", planted());

    assertThat(log).hasSize(2);
    assertThat(log.get(1).withheld()).isEqualTo(999);
    assertThat(log.get(1)).hasToString("loop-0: internal error, and 999 more of its kind before");
  }

  @Test
  void saysHowManyWereWithheldWhenTheKindDoesNotComeAgain() {
    for (int i = 0; i < 1000; i++) {
      errors.record("loop-0", planted());
    }
    errors.record("loop-1", planted());
    errors.tellWithheld();
    assertThat(log).hasSize(2);

    now += InternalErrors.WINDOW_NANOS;
    errors.tellWithheld();
    errors.tellWithheld();

    assertThat(log).hasSize(3);
    assertThat(log.get(2).owner()).isEqualTo("loop-0");
    assertThat(log.get(2).withheld()).isEqualTo(998);
  }

  @Test
  void forgetsAKindThatDoesNotComeAgain() {
    for (int i = 0; i < 10 * InternalErrors.MOST_KINDS; i++) {
      errors.record("device " + i, planted());
      errors.tellWithheld();
      now += InternalErrors.WINDOW_NANOS;
    }

    assertThat(log).hasSize(10 * InternalErrors.MOST_KINDS);
  }

  @Test
  void letsTooManyKindsShareARation() {
    for (int i = 0; i < 100_000; i++) {
      errors.record("device " + i, planted());
    }
    assertThat(log).hasSize(InternalErrors.MOST_KINDS + 1);
    assertThat(errors.count()).isEqualTo(100_000);

    now += InternalErrors.WINDOW_NANOS;
    errors.tellWithheld();

    assertThat(log).hasSize(InternalErrors.MOST_KINDS + 2);
    InternalErrors.Report rest = log.getLast();
    assertThat(rest.owner()).isEqualTo("device 99999");
    assertThat(rest.withheld()).isEqualTo(100_000 - InternalErrors.MOST_KINDS - 2);
  }

  @Test
  void takesAnErrorWithoutAPlace() {
    IllegalStateException bare = planted();
    bare.setStackTrace(new StackTraceElement[0]);
    errors.record("loop-0", bare);

    assertThat(log).hasSize(1);
  }

  @Test
  void goesOnWhenTheLogFails() {
    InternalErrors mute =
        new InternalErrors(
            () -> now,
            report -> {
              throw new OutOfMemoryError("planted");
            });
    mute.record("loop-0", planted());

    assertThat(mute.count()).isEqualTo(1);
  }

  @Test
  void namesTheThreadOfAnUncaughtException() throws InterruptedException {
    Thread thread =
        Thread.ofVirtual()
            .name("watch-7")
            .uncaughtExceptionHandler(errors::uncaught)
            .start(
                () -> {
                  throw planted();
                });
    thread.join();

    assertThat(log).extracting(InternalErrors.Report::owner).containsExactly("thread watch-7");
  }

  private static IllegalStateException planted() {
    return new IllegalStateException("planted");
  }
}
