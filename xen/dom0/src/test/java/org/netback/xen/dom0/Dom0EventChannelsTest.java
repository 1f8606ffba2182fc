package org.netback.xen.dom0;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.EventLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventChannelsContract;

/// Dom0 notifies itself.
final class Dom0EventChannelsTest extends EventChannelsContract {
  private static final long DEADLINE_NANOS = TimeUnit.MINUTES.toNanos(2);

  private final NettyLoop guestLoop = NettyLoop.start("guest");
  private final NettyLoop backendLoop = NettyLoop.start("backend");
  private final Dom0EventChannels guest = new Dom0EventChannels();
  private final Dom0EventChannels backend = new Dom0EventChannels();

  @BeforeEach
  void assumeXen() {
    Devices.assume(Evtchn.PATH);
  }

  @AfterEach
  void close() {
    backend.close();
    guest.close();
    guestLoop.close();
    backendLoop.close();
  }

  @Override
  protected int guestDomid() {
    return 0;
  }

  @Override
  protected EventChannels guest() {
    return guest;
  }

  @Override
  protected EventChannels backend() {
    return backend;
  }

  @Override
  protected EventLoop guestLoop() {
    return guestLoop;
  }

  @Override
  protected EventLoop backendLoop() {
    return backendLoop;
  }

  @Override
  protected void until(Condition condition) {
    long end = System.nanoTime() + DEADLINE_NANOS;
    while (!condition.holds()) {
      assertThat(System.nanoTime()).isLessThan(end);
      pass(backendLoop, 0);
    }
  }

  /// An event is pending when its notification returns; a loop has read it soon after.
  @Override
  protected void settle() {
    for (int i = 0; i < 3; i++) {
      pass(guestLoop, 50);
      pass(backendLoop, 50);
    }
  }

  private static void pass(EventLoop loop, long millis) {
    CompletableFuture<Boolean> passed = new CompletableFuture<>();
    loop.schedule(TimeUnit.MILLISECONDS.toNanos(millis), () -> passed.complete(true));
    assertThat(passed.join()).isTrue();
  }

  @Test
  void slowsDownAPeerThatNotifiesWithoutWorkAndNoOther() throws IOException {
    AtomicInteger calls = new AtomicInteger();
    AtomicInteger otherCalls = new AtomicInteger();
    EventChannel storming = guest.allocate(BACKEND, guestLoop, () -> true);
    EventChannel other = guest.allocate(BACKEND, guestLoop, () -> true);
    EventChannel stormed =
        backend.bind(
            0,
            storming.port(),
            backendLoop,
            () -> {
              calls.incrementAndGet();
              return false;
            });
    EventChannel served =
        backend.bind(
            0,
            other.port(),
            backendLoop,
            () -> {
              otherCalls.incrementAndGet();
              return true;
            });
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (System.nanoTime() < end) {
      storming.notifyPeer();
    }
    // 2 at once, then after 1, 2, 4 … 512 ms and every second: some 15 in five seconds.
    assertThat(calls.get()).isBetween(4, 20);
    int before = otherCalls.get();
    other.notifyPeer();
    until(() -> otherCalls.get() > before);
    stormed.close();
    served.close();
  }

  @Test
  void takesUpWhatWasNotifiedWhileThePeerWasSlowedDown() throws IOException {
    AtomicInteger calls = new AtomicInteger();
    AtomicInteger work = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    EventChannel offered = guest.allocate(BACKEND, guestLoop, () -> true);
    EventChannel bound =
        backend.bind(
            0,
            offered.port(),
            backendLoop,
            () -> {
              calls.incrementAndGet();
              int found = work.getAndSet(0);
              done.addAndGet(found);
              return found > 0;
            });
    until(
        () -> {
          offered.notifyPeer();
          return calls.get() >= 6;
        });
    work.set(1);
    offered.notifyPeer();
    until(() -> done.get() == 1);
    bound.close();
  }

  /// Channels come and go while their peers notify, and the numbers of ports are used again.
  @Test
  void bindsAndUnbindsInTheMiddleOfEvents() throws IOException {
    for (int round = 0; round < 50; round++) {
      AtomicInteger calls = new AtomicInteger();
      List<EventChannel> offered = new ArrayList<>();
      List<EventChannel> bound = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        EventChannel channel = guest.allocate(BACKEND, guestLoop, () -> true);
        offered.add(channel);
        bound.add(
            backend.bind(
                0,
                channel.port(),
                backendLoop,
                () -> {
                  calls.incrementAndGet();
                  return true;
                }));
        offered.forEach(EventChannel::notifyPeer);
      }
      until(() -> calls.get() >= 4);
      bound.get(round % 4).close();
      offered.forEach(EventChannel::notifyPeer);
      bound.forEach(EventChannel::close);
      offered.forEach(EventChannel::close);
    }
  }

  @Test
  void servesMorePortsThanOneReadTakes() throws IOException {
    int count = 100;
    AtomicInteger[] calls = new AtomicInteger[count];
    List<EventChannel> offered = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      AtomicInteger own = new AtomicInteger();
      calls[i] = own;
      EventChannel channel = guest.allocate(BACKEND, guestLoop, () -> true);
      offered.add(channel);
      EventChannel bound =
          backend.bind(
              0,
              channel.port(),
              backendLoop,
              () -> {
                own.incrementAndGet();
                return true;
              });
      assertThat(bound.port()).isPositive();
    }
    settle();
    for (AtomicInteger own : calls) {
      own.set(0);
    }
    CompletableFuture<Boolean> notified = new CompletableFuture<>();
    // On the loop itself, so that it reads them all at once afterwards.
    backendLoop.execute(
        () -> {
          offered.forEach(EventChannel::notifyPeer);
          notified.complete(true);
        });
    assertThat(notified.join()).isTrue();
    for (AtomicInteger own : calls) {
      until(() -> own.get() >= 1);
    }
  }
}
