package org.netback.loop.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.epoll.Native;
import io.netty.channel.unix.FileDescriptor;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.InternalErrors;

@Timeout(60)
class FdWatchTest {
  private final List<InternalErrors.Report> log = new CopyOnWriteArrayList<>();
  private final InternalErrors errors = new InternalErrors(System::nanoTime, log::add);
  private final NettyLoop loop = NettyLoop.start("fd-watch-test", 0, errors);
  private final List<FileDescriptor> open = new ArrayList<>();

  @AfterEach
  void closeAll() throws IOException {
    loop.close();
    for (FileDescriptor fd : open) {
      fd.close();
    }
  }

  @Test
  void callsBackOnTheLoopForEachNotification() throws Exception {
    FileDescriptor event = eventFd();
    CountDownLatch called = new CountDownLatch(3);
    AtomicBoolean elsewhere = new AtomicBoolean();
    try (FdWatch _ =
        FdWatch.open(
            loop,
            event.intValue(),
            () -> {
              Native.eventFdRead(event.intValue());
              elsewhere.compareAndSet(false, !loop.inLoop());
              called.countDown();
              if (called.getCount() > 0) {
                Native.eventFdWrite(event.intValue(), 1);
              }
            })) {
      Native.eventFdWrite(event.intValue(), 1);

      assertThat(called.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(elsewhere).isFalse();
    }
  }

  /// A queue that always has another round to run must not keep the others' events from the loop.
  @Test
  void isToldSoonThoughTasksKeepTheLoopBusy() throws Exception {
    FileDescriptor event = eventFd();
    AtomicInteger rounds = new AtomicInteger();
    CompletableFuture<Integer> called = new CompletableFuture<>();
    Runnable busy =
        new Runnable() {
          @Override
          public void run() {
            if (rounds.incrementAndGet() == 1000) {
              Native.eventFdWrite(event.intValue(), 1);
            }
            if (!called.isDone()) {
              loop.execute(this);
            }
          }
        };
    try (FdWatch _ =
        FdWatch.open(
            loop,
            event.intValue(),
            () -> {
              Native.eventFdRead(event.intValue());
              called.complete(rounds.get());
            })) {
      loop.execute(busy);
      assertThat(called.get(30, TimeUnit.SECONDS)).isBetween(1000, 1100);
    }
  }

  @Test
  void isToldOfWhatWasThereBefore() throws Exception {
    FileDescriptor event = eventFd();
    Native.eventFdWrite(event.intValue(), 1);
    CountDownLatch called = new CountDownLatch(1);

    try (FdWatch _ =
        FdWatch.open(
            loop,
            event.intValue(),
            () -> {
              Native.eventFdRead(event.intValue());
              called.countDown();
            })) {
      assertThat(called.await(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void aPausedWatchIsCalledWhenItIsResumed() throws Exception {
    FileDescriptor event = eventFd();
    AtomicInteger calls = new AtomicInteger();
    CompletableFuture<FdWatch> opened = new CompletableFuture<>();
    loop.execute(
        () -> {
          try {
            // Never read: without the pause the loop would call without end.
            opened.complete(
                FdWatch.open(
                    loop,
                    event.intValue(),
                    () -> {
                      calls.incrementAndGet();
                      opened.join().pause();
                    }));
          } catch (IOException e) {
            opened.completeExceptionally(e);
          }
        });
    try (FdWatch watch = opened.get(30, TimeUnit.SECONDS)) {
      Native.eventFdWrite(event.intValue(), 1);
      awaitCalls(calls);
      runOnLoop();
      runOnLoop();
      assertThat(calls).hasValue(1);

      loop.execute(watch::resume);
      while (calls.get() < 2) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void tellsAnEndFromWhatCanBeRead() throws Exception {
    FileDescriptor[] pipe = FileDescriptor.pipe();
    CompletableFuture<Boolean> broken = new CompletableFuture<>();
    try (FdWatch _ =
        FdWatch.open(
            loop,
            pipe[0].intValue(),
            ended -> {
              if (ended) {
                broken.complete(true);
              }
            })) {
      runOnLoop();
      assertThat(broken).isNotDone();
      pipe[1].close();

      assertThat(broken.get(30, TimeUnit.SECONDS)).isTrue();
    } finally {
      pipe[0].close();
    }
  }

  /// Both events come out of the same epoll_wait.
  @Test
  void aClosedWatchIsSilentEvenIfItsEventWasFetchedAlready() throws Exception {
    for (int round = 0; round < 200; round++) {
      FileDescriptor one = eventFd();
      FileDescriptor two = eventFd();
      AtomicInteger calls = new AtomicInteger();
      CompletableFuture<List<FdWatch>> watches = new CompletableFuture<>();
      loop.execute(
          () -> {
            try {
              List<FdWatch> both = new ArrayList<>();
              for (FileDescriptor event : List.of(one, two)) {
                both.add(
                    FdWatch.open(
                        loop,
                        event.intValue(),
                        () -> {
                          calls.incrementAndGet();
                          both.forEach(FdWatch::close);
                        }));
              }
              Native.eventFdWrite(one.intValue(), 1);
              Native.eventFdWrite(two.intValue(), 1);
              watches.complete(both);
            } catch (IOException e) {
              watches.completeExceptionally(e);
            }
          });
      watches.get(30, TimeUnit.SECONDS);
      awaitCalls(calls);
      runOnLoop();
      runOnLoop();

      assertThat(calls).hasValue(1);
    }
  }

  @Test
  void nothingIsCalledBackAfterCloseHasReturnedElsewhere() throws Exception {
    for (int round = 0; round < 1000; round++) {
      FileDescriptor event = Native.newEventFd();
      AtomicBoolean closed = new AtomicBoolean();
      AtomicInteger late = new AtomicInteger();
      // Never read, so that the loop calls without end.
      FdWatch watch =
          FdWatch.open(
              loop,
              event.intValue(),
              () -> {
                if (closed.get()) {
                  late.incrementAndGet();
                }
              });
      Native.eventFdWrite(event.intValue(), 1);
      watch.close();
      closed.set(true);
      watch.close();
      // The number may be another file's from now on.
      event.close();

      assertThat(late).hasValue(0);
    }
  }

  @Test
  void closesAlsoAfterTheLoopHasEnded() throws Exception {
    FileDescriptor event = eventFd();
    FdWatch watch = FdWatch.open(loop, event.intValue(), () -> {});
    loop.close();

    watch.close();
  }

  @ParameterizedTest
  @ValueSource(
      classes = {IllegalStateException.class, AssertionError.class, OutOfMemoryError.class})
  void stopsACallbackThatThrowsAndLetsTheOthersGoOn(Class<? extends Throwable> type)
      throws Exception {
    Throwable planted = type.getDeclaredConstructor().newInstance();
    FileDescriptor bad = eventFd();
    FileDescriptor good = eventFd();
    AtomicInteger thrown = new AtomicInteger();
    CountDownLatch called = new CountDownLatch(1);
    try (FdWatch _ =
            FdWatch.open(
                loop,
                bad.intValue(),
                () -> {
                  thrown.incrementAndGet();
                  raise(planted);
                });
        FdWatch _ =
            FdWatch.open(
                loop,
                good.intValue(),
                () -> {
                  Native.eventFdRead(good.intValue());
                  called.countDown();
                })) {
      Native.eventFdWrite(bad.intValue(), 1);
      awaitCalls(thrown);
      Native.eventFdWrite(good.intValue(), 1);

      assertThat(called.await(30, TimeUnit.SECONDS)).isTrue();
      runOnLoop();
      assertThat(thrown).hasValue(1);
      assertThat(errors.count()).isEqualTo(1);
      assertThat(log).extracting(InternalErrors.Report::error).containsExactly(planted);
      assertThat(log.getFirst().owner())
          .isEqualTo("fd-watch-test, watch of descriptor " + bad.intValue());
    }
  }

  /// As those of taps and of event channels are.
  @Test
  void handsNoMoreEventsToAnyHandleThatThrows() throws Exception {
    FileDescriptor bad = eventFd();
    AtomicInteger thrown = new AtomicInteger();
    IoRegistration registration =
        loop.ioEventLoop()
            .register(
                new EpollIoHandle() {
                  @Override
                  public FileDescriptor fd() {
                    return bad;
                  }

                  @Override
                  public void handle(IoRegistration from, IoEvent event) {
                    thrown.incrementAndGet();
                    throw new StackOverflowError("planted");
                  }

                  @Override
                  public void close() {}

                  @Override
                  public String toString() {
                    return "a tap";
                  }
                })
            .get(30, TimeUnit.SECONDS);
    registration.submit(EpollIoOps.EPOLLIN);
    Native.eventFdWrite(bad.intValue(), 1);
    awaitCalls(thrown);
    runOnLoop();
    runOnLoop();

    assertThat(thrown).hasValue(1);
    assertThat(errors.count()).isEqualTo(1);
    assertThat(log)
        .extracting(InternalErrors.Report::owner)
        .containsExactly("fd-watch-test, a tap");
  }

  private static void raise(Throwable planted) {
    if (planted instanceof RuntimeException exception) {
      throw exception;
    }
    throw (Error) planted;
  }

  @Test
  void refusesAFileThatHasNoPoll(@TempDir Path dir) throws Exception {
    File file = dir.resolve("plain").toFile();
    assertThat(file.createNewFile()).isTrue();
    FileDescriptor plain = FileDescriptor.from(file);
    open.add(plain);

    assertThatThrownBy(() -> FdWatch.open(loop, plain.intValue(), () -> {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("descriptor " + plain.intValue());
  }

  private FileDescriptor eventFd() {
    FileDescriptor event = Native.newEventFd();
    open.add(event);
    return event;
  }

  private static void awaitCalls(AtomicInteger calls) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (calls.get() == 0) {
      assertThat(System.nanoTime() - deadline).isNegative();
      Thread.onSpinWait();
    }
  }

  private void runOnLoop() throws Exception {
    loop.ioEventLoop().submit(() -> {}).get(30, TimeUnit.SECONDS);
  }
}
