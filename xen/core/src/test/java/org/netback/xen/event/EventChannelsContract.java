package org.netback.xen.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.netback.loop.EventLoop;

/// What every pair of a guest's and a backend's event channels must do.
public abstract class EventChannelsContract {
  protected static final int BACKEND = 0;

  protected abstract int guestDomid();

  protected abstract EventChannels guest();

  protected abstract EventChannels backend();

  protected abstract EventLoop guestLoop();

  protected abstract EventLoop backendLoop();

  /// Runs both loops until the condition holds; fails when it never does.
  protected abstract void until(Condition condition);

  /// Runs both loops until nothing is left to do.
  protected abstract void settle();

  @FunctionalInterface
  public interface Condition {
    boolean holds();
  }

  private EventChannel offered(AtomicInteger events) throws IOException {
    return guest()
        .allocate(
            BACKEND,
            guestLoop(),
            () -> {
              events.incrementAndGet();
              return true;
            });
  }

  private EventChannel bound(EventChannel offered, AtomicInteger events) throws IOException {
    EventChannel bound =
        backend()
            .bind(
                guestDomid(),
                offered.port(),
                backendLoop(),
                () -> {
                  events.incrementAndGet();
                  return true;
                });
    // The first event comes with the binding, and one more if something was rung before it.
    until(() -> events.get() >= 1);
    settle();
    events.set(0);
    return bound;
  }

  @Test
  void notifiesBothWays() throws IOException {
    AtomicInteger toGuest = new AtomicInteger();
    AtomicInteger toBackend = new AtomicInteger();
    EventChannel guest = offered(toGuest);
    EventChannel backend = bound(guest, toBackend);
    guest.notifyPeer();
    until(() -> toBackend.get() == 1);
    backend.notifyPeer();
    until(() -> toGuest.get() == 1);
    for (int i = 0; i < 100; i++) {
      guest.notifyPeer();
      int expected = i + 2;
      until(() -> toBackend.get() == expected);
    }
    settle();
    assertThat(toBackend.get()).isEqualTo(101);
    assertThat(toGuest.get()).isEqualTo(1);
  }

  @Test
  void mergesNotificationsThatWereNotYetSeen() throws Exception {
    AtomicInteger toBackend = new AtomicInteger();
    EventChannel guest = offered(new AtomicInteger());
    EventChannel backend = bound(guest, toBackend);
    for (int i = 0; i < 10_000; i++) {
      guest.notifyPeer();
    }
    until(() -> toBackend.get() >= 1);
    settle();
    assertThat(toBackend.get()).isLessThan(10_000);
    backend.close();
  }

  @Test
  void refusesPortsThatAreNotOffered() throws IOException {
    EventChannel toOther = guest().allocate(7, guestLoop(), () -> true);
    EventChannel taken = offered(new AtomicInteger());
    EventChannel backend = bound(taken, new AtomicInteger());
    for (int port : new int[] {0, -1, 12_345, Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> backend().bind(guestDomid(), port, backendLoop(), () -> true))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("port " + Integer.toUnsignedString(port))
          .hasMessageContaining("domain " + guestDomid());
    }
    assertThatThrownBy(
            () -> backend().bind(guestDomid(), toOther.port(), backendLoop(), () -> true))
        .hasMessageContaining("offered to");
    assertThatThrownBy(() -> backend().bind(guestDomid(), taken.port(), backendLoop(), () -> true))
        .hasMessageContaining("taken");
    backend.close();
    assertThatThrownBy(() -> backend().bind(31_000, 1, backendLoop(), () -> true))
        .hasMessageContaining("no such domain");
  }

  @Test
  void offersThePortAgainWhenTheBackendCloses() throws IOException {
    AtomicInteger toGuest = new AtomicInteger();
    EventChannel guest = offered(toGuest);
    EventChannel first = bound(guest, new AtomicInteger());
    first.close();
    first.close();
    first.notifyPeer();
    guest.notifyPeer();
    settle();
    assertThat(toGuest.get()).isZero();
    AtomicInteger toBackend = new AtomicInteger();
    EventChannel second = bound(guest, toBackend);
    guest.notifyPeer();
    until(() -> toBackend.get() == 1);
    second.notifyPeer();
    until(() -> toGuest.get() == 1);
  }

  @Test
  void hasNoEffectOnceTheGuestHasClosed() throws IOException {
    AtomicInteger toBackend = new AtomicInteger();
    EventChannel guest = offered(new AtomicInteger());
    EventChannel backend = bound(guest, toBackend);
    int port = guest.port();
    guest.close();
    backend.notifyPeer();
    guest.notifyPeer();
    settle();
    assertThat(toBackend.get()).isZero();
    assertThatThrownBy(() -> backend().bind(guestDomid(), port, backendLoop(), () -> true))
        .hasMessageContaining("no such port");
    backend.close();
  }

  @Test
  void callsNoHandlerAfterClosing() throws IOException {
    AtomicInteger toBackend = new AtomicInteger();
    EventChannel guest = offered(new AtomicInteger());
    EventChannel backend = bound(guest, toBackend);
    guest.notifyPeer();
    backend.close();
    settle();
    int seen = toBackend.get();
    guest.notifyPeer();
    settle();
    assertThat(toBackend.get()).isEqualTo(seen).isLessThanOrEqualTo(1);
  }
}
