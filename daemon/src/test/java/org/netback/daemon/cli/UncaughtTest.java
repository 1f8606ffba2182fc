package org.netback.daemon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.netback.daemon.LogCapture;
import org.netback.loop.InternalErrors;

/// What ends a thread of the process, whoever started it, is counted and told with its name.
class UncaughtTest {
  private final Thread.UncaughtExceptionHandler before =
      Thread.getDefaultUncaughtExceptionHandler();

  @AfterEach
  void restore() {
    Thread.setDefaultUncaughtExceptionHandler(before);
  }

  private static void planted() {
    throw new StackOverflowError("planted");
  }

  @Test
  void whatEndsAThreadOfTheProcessIsAnInternalError() throws Exception {
    try (LogCapture log = LogCapture.start()) {
      InternalErrors errors = ServerCommands.errors();

      Thread.ofPlatform().name("nobodys").start(UncaughtTest::planted).join();
      Thread.ofVirtual().name("virtual").start(UncaughtTest::planted).join();
      // A pool has ended before its threads have.
      List<Thread> threads = new CopyOnWriteArrayList<>();
      try (ExecutorService pool =
          Executors.newSingleThreadExecutor(
              work -> {
                Thread thread = Thread.ofPlatform().name("pool").unstarted(work);
                threads.add(thread);
                return thread;
              })) {
        pool.execute(UncaughtTest::planted);
      }
      for (Thread thread : threads) {
        thread.join();
      }

      assertThat(errors.count()).isEqualTo(3);
      assertThat(log.lines("thread "))
          .containsExactlyInAnyOrder(
              "ERROR thread nobodys: internal error",
              "ERROR thread virtual: internal error",
              "ERROR thread pool: internal error");
    }
  }
}
