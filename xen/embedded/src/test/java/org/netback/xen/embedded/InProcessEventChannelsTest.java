package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.loop.SteppedLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventChannelsContract;

final class InProcessEventChannelsTest extends EventChannelsContract {
  private final Hypervisor hypervisor = new Hypervisor();
  private final SteppedLoop guestLoop = new SteppedLoop();
  private final SteppedLoop backendLoop = new SteppedLoop();
  private BareDomain guest;

  @BeforeEach
  void create() throws IOException {
    guest = hypervisor.createDomain("guest", DomainSize.DEFAULT);
  }

  @AfterEach
  void close() {
    hypervisor.close();
  }

  @Override
  protected int guestDomid() {
    return guest.domid();
  }

  @Override
  protected EventChannels guest() {
    return guest.events();
  }

  @Override
  protected EventChannels backend() {
    return hypervisor.backendEvents();
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
    settle();
    assertThat(condition.holds()).isTrue();
  }

  @Override
  protected void settle() {
    while (guestLoop.runReady() + backendLoop.runReady() > 0) {}
  }

  @Test
  void slowsDownAPeerThatRingsWithoutWork() throws IOException {
    AtomicInteger calls = new AtomicInteger();
    EventChannel offered = guest().allocate(BACKEND, guestLoop, () -> true);
    EventChannel bound =
        backend()
            .bind(
                guest.domid(),
                offered.port(),
                backendLoop,
                () -> {
                  calls.incrementAndGet();
                  return false;
                });
    // Ten seconds of a peer that rings every 10 µs.
    for (int i = 0; i < 1_000_000; i++) {
      offered.notifyPeer();
      backendLoop.runReady();
      backendLoop.advance(10_000);
    }
    // 2 at once, then after 1, 2, 4 … 512 ms and every second: 1023 ms for the first ten.
    assertThat(calls.get()).isBetween(15, 25);
    bound.close();
  }

  /// As one that finds no work, or the peer could keep the loop busy by it.
  @Test
  void recordsWhatAHandlerThrowsSlowsItsPeerDownAndServesTheOthers() throws IOException {
    List<InternalErrors.Report> log = new ArrayList<>();
    InternalErrors errors = new InternalErrors(() -> 0, log::add);
    SteppedLoop loop = new SteppedLoop(errors);
    AtomicInteger calls = new AtomicInteger();
    AtomicInteger others = new AtomicInteger();
    EventChannel bad = guest().allocate(BACKEND, guestLoop, () -> true);
    EventChannel good = guest().allocate(BACKEND, guestLoop, () -> true);
    EventChannel bound =
        backend()
            .bind(
                guest.domid(),
                bad.port(),
                loop,
                () -> {
                  calls.incrementAndGet();
                  throw new AssertionError("planted");
                });
    backend().bind(guest.domid(), good.port(), loop, () -> others.incrementAndGet() > 0);
    for (int i = 0; i < 1000; i++) {
      bad.notifyPeer();
      good.notifyPeer();
      loop.advance(10_000);
    }

    assertThat(calls.get()).isBetween(2, 8);
    assertThat(others.get()).isBetween(1000, 1001);
    assertThat(errors.count()).isEqualTo(calls.get());
    assertThat(log)
        .extracting(InternalErrors.Report::owner)
        .containsExactly("stepped loop, event channel port " + bound.port());
  }

  @Test
  void servesAPeerAtOnceAgainAfterWork() throws IOException {
    AtomicInteger calls = new AtomicInteger();
    AtomicInteger work = new AtomicInteger();
    EventChannel offered = guest().allocate(BACKEND, guestLoop, () -> true);
    backend()
        .bind(
            guest.domid(),
            offered.port(),
            backendLoop,
            () -> {
              calls.incrementAndGet();
              return work.getAndSet(0) > 0;
            });
    for (int i = 0; i < 20; i++) {
      offered.notifyPeer();
      settle();
      backendLoop.advance(50_000);
    }
    int before = calls.get();
    work.set(1);
    offered.notifyPeer();
    backendLoop.advance(2_000_000);
    settle();
    assertThat(calls.get()).isEqualTo(before + 1);
    assertThat(work.get()).isZero();
    work.set(1);
    offered.notifyPeer();
    settle();
    assertThat(calls.get()).isEqualTo(before + 2);
  }

  @Test
  void sparesTheRingerAPeerWhoseLoopHasEnded() throws IOException {
    NettyLoop ended = NettyLoop.start("ended");
    EventChannel offered = guest().allocate(BACKEND, ended, () -> true);
    EventChannel bound = backend().bind(guest.domid(), offered.port(), backendLoop, () -> true);
    ended.close();
    bound.notifyPeer();
    bound.notifyPeer();
    offered.close();
  }

  @Test
  void boundsThePortsOfAGuest() throws IOException {
    for (int i = 0; i < Domain.MAX_PORTS; i++) {
      EventChannel unused = guest().allocate(BACKEND, guestLoop, () -> true);
      assertThat(unused.port()).isPositive();
    }
    assertThatThrownBy(() -> guest().allocate(BACKEND, guestLoop, () -> true))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("512");
  }

  @Test
  void closesTheChannelsOfADestroyedDomain() throws IOException {
    EventChannel offered = guest().allocate(BACKEND, guestLoop, () -> true);
    EventChannel bound = backend().bind(guest.domid(), offered.port(), backendLoop, () -> true);
    guest.close();
    bound.notifyPeer();
    assertThat(guestLoop.runReady()).isZero();
    bound.close();
    assertThatThrownBy(() -> guest().allocate(BACKEND, guestLoop, () -> true))
        .isInstanceOf(IOException.class);
  }
}
