package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.netback.xen.store.XenStore;

/// Guests that write without pause cost looks, and neither memory nor the others' time.
class RestlessGuestTest extends BusScene {
  @Test
  void survivesAGuestThatTogglesItsStateWithoutPause() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);

    for (int i = 0; i < 3000; i++) {
      guest.write(FRONT + "/state", Integer.toString(i % 10));
      if (i % 100 == 0) {
        loop.step();
      }
    }
    guest.write(FRONT + "/state", "6");
    await(() -> state(guest).equals("6"));
    guest.write(FRONT + "/state", "1");
    await(() -> state(guest).equals("2"));
    loop.advance(TimeUnit.SECONDS.toNanos(1));
    guest.write(FRONT + "/state", "4");
    await(() -> state(guest).equals("4"));
  }

  /// XSA-349 was a queue of such changes.
  @Test
  void looksOnceForAllChangesOfALiveKey() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);
    int before = device().refreshes;

    for (int i = 0; i <= 3000; i++) {
      guest.write(FRONT + "/request-live", Integer.toString(i));
    }
    await(() -> device().live.equals("3000"));

    // All that was written before the loop had its turn is one look; the rest came meanwhile.
    assertThat(device().refreshes - before).isLessThan(300);
    guest.remove(FRONT + "/request-live");
    await(() -> device().live.isEmpty());
    int refreshed = device().refreshes;
    toolstack.write(BACK + "/rate", "1,1");
    await(() -> device().refreshes > refreshed);
  }

  @Test
  void connectsAGuestThatReconnectsWithoutPauseAFewTimesASecond() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);

    for (int i = 0; i < 30; i++) {
      guest.write(FRONT + "/state", "1");
      await(() -> state(guest).equals("2"));
      guest.write(FRONT + "/state", "4");
      settle();
    }
    assertThat(state(guest)).isEqualTo("2");
    assertThat(device().calls.stream().filter("connect@2"::equals)).hasSizeBetween(2, 8);
    assertThat(loop.pendingTimers()).isEqualTo(1);

    loop.advance(TimeUnit.SECONDS.toNanos(1));
    await(() -> state(guest).equals("4"));
  }
}
