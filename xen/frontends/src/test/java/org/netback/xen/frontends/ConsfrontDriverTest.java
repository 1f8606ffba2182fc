package org.netback.xen.frontends;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.io.console.ConsolePage;
import org.netback.xen.ring.ByteRing;
import org.netback.xen.ring.RingViolation;

class ConsfrontDriverTest {
  private final HandDevice device = new HandDevice("console", 1);
  private int events;
  private final ConsfrontDriver driver =
      new ConsfrontDriver(
          device.loop,
          () -> {
            events++;
            return true;
          });
  private final Frontend frontend =
      new Frontend(
          device.front,
          device.memory,
          device.channels,
          device.store,
          device.loop,
          driver,
          new NoTrouble());

  private MemorySegment page() {
    return device.memory.page(device.number("ring-ref"));
  }

  private void connect() {
    frontend.start();
    device.loop.runReady();
    device.enter(XenbusState.INIT_WAIT);
    device.enter(XenbusState.CONNECTED);
  }

  @Test
  void isThereOnceBothEndsAreConnected() {
    frontend.start();
    device.loop.runReady();
    device.enter(XenbusState.INIT_WAIT);
    assertThat(device.frontState()).isEqualTo(XenbusState.INITIALISED);
    assertThat(driver.console()).isEmpty();

    device.enter(XenbusState.CONNECTED);
    assertThat(device.frontState()).isEqualTo(XenbusState.CONNECTED);
    assertThat(driver.console()).isPresent();
  }

  @Test
  void sharesAPageAndAChannelWithItsBackend() throws RingViolation {
    connect();
    Consfront console = driver.console().orElseThrow();
    ByteRing backend = ConsolePage.backend(page());

    assertThat(console.put("on one".getBytes(StandardCharsets.US_ASCII), 0, 6)).isEqualTo(6);
    assertThat(device.channels.takeNotifications(device.number("port"))).isEqualTo(1);
    assertThat(backend.waiting()).isEqualTo(6);

    backend.put(new byte[] {7}, 0, 1);
    device.channels.raise(device.number("port"));
    device.loop.runReady();
    assertThat(events).isEqualTo(1);
    byte[] typed = new byte[2];
    assertThat(console.take(typed)).isEqualTo(1);
    assertThat(typed).containsExactly(7, 0);
  }

  @Test
  void takesNothingAnyMoreWhenItsBackendHasClosed() throws RingViolation {
    connect();
    Consfront console = driver.console().orElseThrow();
    device.enter(XenbusState.CLOSING);

    assertThat(device.frontState()).isEqualTo(XenbusState.CLOSED);
    assertThat(driver.console()).isEmpty();
    assertThat(console.put(new byte[1], 0, 1)).isZero();
    assertThat(console.take(new byte[1])).isZero();
    assertThat(device.memory.pagesInUse).isZero();
    assertThat(device.channels.open).isEmpty();

    device.enter(XenbusState.CLOSED);
    device.enter(XenbusState.INIT_WAIT);
    device.enter(XenbusState.CONNECTED);
    assertThat(driver.console().orElseThrow()).isNotSameAs(console);
    assertThat(driver.console().orElseThrow().put(new byte[1], 0, 1)).isEqualTo(1);
  }
}
