package org.netback.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/// What every loop does with what escapes its callbacks.
public abstract class EventLoopContract {
  /// What a callback throws: an exception, and errors that are none.
  private static final List<Throwable> PLANTED =
      List.of(
          new IllegalStateException("planted"),
          new AssertionError("planted"),
          new StackOverflowError("planted"),
          new OutOfMemoryError("planted"),
          new NoClassDefFoundError("planted"));

  private final List<InternalErrors.Report> log = new CopyOnWriteArrayList<>();

  /// To be the loop's. Time stands still for them: what is withheld does not depend on how long the
  /// test takes.
  protected final InternalErrors errors = new InternalErrors(() -> 0, log::add);

  protected abstract EventLoop loop();

  /// Runs the loop until the condition holds; fails when it never does.
  protected abstract void until(Condition condition);

  /// Has the loop linger at something, and look at it.
  protected abstract void lingerAt(Polled work);

  @FunctionalInterface
  public interface Condition {
    boolean holds();
  }

  @Test
  void recordsWhatATaskThrowsAndRunsTheNext() {
    AtomicInteger ran = new AtomicInteger();
    for (Throwable planted : PLANTED) {
      loop().execute(() -> raise(planted));
      loop().execute(ran::incrementAndGet);
    }
    until(() -> ran.get() == PLANTED.size());

    assertRecorded(PLANTED);
  }

  @Test
  void recordsWhatATimerThrowsAndRunsTheNext() {
    AtomicInteger ran = new AtomicInteger();
    // On the loop: the order of timers that come from elsewhere and are due already is not theirs.
    loop()
        .execute(
            () -> {
              for (Throwable planted : PLANTED) {
                loop().schedule(1000, () -> raise(planted));
              }
              loop().schedule(2_000_000, ran::incrementAndGet);
            });
    until(() -> ran.get() == 1);

    assertRecorded(PLANTED);
  }

  @Test
  void runsARecurringTimerAgainThoughItThrows() {
    AtomicInteger ran = new AtomicInteger();
    EventLoop.Timer timer =
        loop()
            .repeat(
                1_000_000,
                () -> {
                  int round = ran.getAndIncrement();
                  if (round < PLANTED.size()) {
                    raise(PLANTED.get(round));
                  }
                });
    until(() -> ran.get() > PLANTED.size() + 1);
    timer.cancel();

    assertRecorded(PLANTED);
  }

  @Test
  void runsACancelledRecurringTimerNoMore() {
    AtomicInteger ran = new AtomicInteger();
    AtomicInteger later = new AtomicInteger();
    loop()
        .execute(
            () -> {
              loop().repeat(1_000_000, ran::incrementAndGet).cancel();
              loop().schedule(5_000_000, later::incrementAndGet);
            });
    until(() -> later.get() == 1);

    assertThat(ran).hasValue(0);
  }

  @Test
  void looksNoMoreAtWhatThrows() {
    for (Throwable planted : PLANTED) {
      AtomicInteger looks = new AtomicInteger();
      AtomicInteger armed = new AtomicInteger();
      lingerAt(
          new Polled() {
            @Override
            public boolean poll() {
              looks.incrementAndGet();
              raise(planted);
              return true;
            }

            @Override
            public void arm() {
              armed.incrementAndGet();
            }
          });
      until(() -> looks.get() > 0);
      AtomicInteger others = new AtomicInteger();
      lingerAt(polled(others));
      until(() -> others.get() > 0);

      assertThat(looks).hasValue(1);
      assertThat(armed).hasValue(0);
    }
    assertRecorded(PLANTED);
  }

  @Test
  void armsTheOthersThoughOneThrows() {
    for (Throwable planted : PLANTED) {
      AtomicInteger armed = new AtomicInteger();
      lingerAt(
          new Polled() {
            @Override
            public boolean poll() {
              return false;
            }

            @Override
            public void arm() {
              armed.incrementAndGet();
              raise(planted);
            }
          });
      lingerAt(polled(armed));
      until(() -> armed.get() == 2);
    }
    // The one that throws may be the last that is armed.
    AtomicInteger ran = new AtomicInteger();
    loop().execute(ran::incrementAndGet);
    until(() -> ran.get() == 1);
    assertRecorded(PLANTED);
  }

  @Test
  void rationsWhatATaskThrowsAThousandTimes() {
    AtomicInteger ran = new AtomicInteger();
    for (int i = 0; i < 1000; i++) {
      loop()
          .execute(
              () -> {
                ran.incrementAndGet();
                raise(PLANTED.getFirst());
              });
    }
    until(() -> ran.get() == 1000 && errors.count() == 1000);

    assertThat(log).hasSize(1);
  }

  private void assertRecorded(List<Throwable> expected) {
    assertThat(log).extracting(InternalErrors.Report::error).containsExactlyElementsOf(expected);
    assertThat(log).extracting(InternalErrors.Report::owner).containsOnly(loop().toString());
    assertThat(errors.count()).isEqualTo(expected.size());
    assertThat(loop().errors()).isSameAs(errors);
  }

  /// Never has work.
  private static Polled polled(AtomicInteger armed) {
    return new Polled() {
      @Override
      public boolean poll() {
        return false;
      }

      @Override
      public void arm() {
        armed.incrementAndGet();
      }
    };
  }

  static void raise(Throwable planted) {
    if (planted instanceof RuntimeException exception) {
      throw exception;
    }
    throw (Error) planted;
  }
}
