package org.netback.xen.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.InternalErrors;
import org.netback.loop.SteppedLoop;
import org.netback.xen.store.WatchEvents.Registration;

class WatchEventsTest {
  private static final long DEADLINE_SECONDS = 60;

  private final SteppedLoop loop = new SteppedLoop();
  private final List<InternalErrors.Report> log = new ArrayList<>();
  private final InternalErrors errors = new InternalErrors(loop::nanoTime, log::add);
  private final WatchEvents events = new WatchEvents(loop::execute, errors);
  private final List<String> told = new ArrayList<>();

  /// Events come on the transport's thread, watches on any: nobody keeps the lock.
  @AfterEach
  void letsAnotherThreadIn() {
    CompletableFuture.runAsync(
            () -> events.add("/other", told::add), task -> Thread.ofPlatform().daemon().start(task))
        .orTimeout(DEADLINE_SECONDS, TimeUnit.SECONDS)
        .join();
  }

  @Test
  void tellsChangesInTheirOrder() {
    Registration one = events.add("/a", path -> told.add("one " + path));
    Registration two = events.add("/b", path -> told.add("two " + path));
    events.occurred("/a/x", one.token());
    events.occurred("/b/y", two.token());
    events.occurred("/a/z", one.token());

    loop.runReady();

    assertThat(told).containsExactly("one /a/x", "two /b/y", "one /a/z");
  }

  @Test
  void mergesAMillionChangesOfOneNode() {
    Registration watch = events.add("/a", told::add);
    for (int i = 0; i < 1_000_000; i++) {
      events.occurred("/a/state", watch.token());
    }

    assertThat(loop.runReady()).isEqualTo(1);
    assertThat(told).containsExactly("/a/state");
  }

  @Test
  void tellsAChangeAgainThatComesAfterItWasTold() {
    Registration watch = events.add("/a", told::add);
    events.occurred("/a", watch.token());
    loop.runReady();
    events.occurred("/a", watch.token());
    loop.runReady();

    assertThat(told).containsExactly("/a", "/a");
  }

  @Test
  void takesVeryManyChangedPathsForTheWatchedOne() {
    Registration watch = events.add("/a", told::add);
    for (int i = 0; i < 1_000_000; i++) {
      events.occurred("/a/" + i, watch.token());
    }

    loop.runReady();

    assertThat(told).hasSizeLessThanOrEqualTo(1025).contains("/a");
  }

  /// As many as may wait are told as they are, and one more has them all looked at.
  @Test
  void tellsAsManyPathsAsMayWait() {
    Registration watch = events.add("/a", told::add);
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 1024; i++) {
        events.occurred("/a/" + i, watch.token());
      }
      loop.runReady();
      assertThat(told).hasSize(1024).doesNotContain("/a");
      told.clear();
    }
    for (int i = 0; i <= 1024; i++) {
      events.occurred("/a/" + i, watch.token());
    }
    loop.runReady();
    assertThat(told).containsExactly("/a");
  }

  @Test
  void keepsTheOthersEventsWhenOneWatchHasTooManyOrGoes() {
    Registration many = events.add("/many", told::add);
    Registration closed = events.add("/closed", told::add);
    Registration other = events.add("/other", told::add);
    events.occurred("/other/x", other.token());
    events.occurred("/closed/x", closed.token());
    for (int i = 0; i <= 1024; i++) {
      events.occurred("/many/" + i, many.token());
    }
    events.remove(closed);
    loop.runReady();
    assertThat(told).containsExactly("/other/x", "/many");
  }

  @Test
  void keepsSilentAfterAWatchWasClosed() {
    Registration watch = events.add("/a", told::add);
    events.occurred("/a", watch.token());

    assertThat(events.remove(watch)).isTrue();
    assertThat(events.remove(watch)).isFalse();
    events.occurred("/a/late", watch.token());
    loop.runReady();

    assertThat(told).isEmpty();
  }

  @Test
  void tellsTheOthersAfterAWatcherHasThrown() {
    Registration bad =
        events.add(
            "/bad",
            path -> {
              throw new AssertionError(path);
            });
    Registration good = events.add("/good", told::add);
    events.occurred("/bad", bad.token());
    events.occurred("/good", good.token());

    loop.runReady();

    assertThat(told).containsExactly("/good");
    assertThat(log).extracting(InternalErrors.Report::owner).containsExactly("watch of /bad");
    events.occurred("/bad", bad.token());
    loop.runReady();
    assertThat(errors.count()).isEqualTo(2);
  }

  @Test
  void keepsQuietWhenNobodyIsLeftToTell() {
    WatchEvents ended =
        new WatchEvents(
            _ -> {
              throw new RejectedExecutionException("ended");
            },
            errors);
    Registration watch = ended.add("/a", told::add);
    ended.occurred("/a", watch.token());

    assertThat(errors.count()).isZero();
  }

  @Test
  void letsOthersUseTheExecutorBetween() {
    Registration watch = events.add("/a", told::add);
    for (int i = 0; i < 200; i++) {
      events.occurred("/a/" + i, watch.token());
    }
    loop.execute(() -> told.add("other"));

    loop.runReady();

    assertThat(told).hasSize(201);
    assertThat(told.indexOf("other")).isEqualTo(64);
  }
}
