package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.store.XenStore;

/// Devices that cannot be served: who is told, where, how often, and what becomes of them.
class RefusedDevicesTest extends BusScene {
  @Test
  void saysWhyItCannotConnectAndTriesAgainWithTheNextStart() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    refuseConnect = true;
    createDevice(toolstack, "1", "1");
    startBus();
    await(() -> state(toolstack).equals("2"));

    toolstack.write(FRONT + "/state", "4");
    await(() -> state(toolstack).equals("5"));
    assertThat(toolstack.read(ERROR)).contains("22 tx-ring-ref is missing");
    assertThat(device().calls).containsExactly("connect@2", "disconnect@2");

    device().refuseConnect = false;
    toolstack.write(FRONT + "/state", "6");
    await(() -> state(toolstack).equals("6"));
    toolstack.write(FRONT + "/state", "1");
    await(() -> state(toolstack).equals("2"));
    toolstack.write(FRONT + "/state", "4");
    await(() -> state(toolstack).equals("4"));
  }

  @Test
  void refusesAFrontendDirectoryOfAnotherDomain() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    toolstack.write(BACK + "/frontend", "/local/domain/55/device/vif/0");
    startBus();

    await(() -> state(toolstack).equals("6"));
    assertThat(made).isEmpty();
    assertThat(toolstack.read(ERROR).orElse("")).contains("/local/domain/55/device/vif/0");
  }

  @Test
  void tellsTheToolstackWhatIsWrongWithADevicesOwnDirectory() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    factoryFailures.set(Integer.MAX_VALUE);
    createDevice(toolstack, "1", "1");
    startBus();

    await(() -> state(toolstack).equals("2"));
    settle();
    assertThat(state(toolstack)).isEqualTo("2");
    assertThat(toolstack.read(ERROR)).contains("22 no bridge");
    assertThat(toolstack.read(BACK + "/hotplug-status")).contains("error");
    assertThat(toolstack.read(BACK + "/hotplug-error")).contains("no bridge");
    assertThat(toolstack.read(BACK + "/feature-sg")).isEmpty();

    toolstack.write(FRONT + "/state", "4");
    await(() -> state(toolstack).equals("5"));
    toolstack.write(FRONT + "/state", "6");
    await(() -> state(toolstack).equals("6"));

    factoryFailures.set(0);
    createDevice(toolstack, "1", "1");
    await(() -> state(toolstack).equals("2"));
  }

  @Test
  void saysWhatIsWrongWithADeviceBeforeItsFrontendIsThere() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    factoryFailures.set(Integer.MAX_VALUE);
    createDevice(toolstack, "1", "1");
    toolstack.remove(FRONT);
    startBus();

    await(() -> toolstack.read(ERROR).equals(Optional.of("22 no bridge")));
  }

  @Test
  void servesARefusedDeviceOnceWhatWasInTheWayHasGone() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = client("guest", Runnable::run);
    factoryFailures.set(Integer.MAX_VALUE);
    createDevice(toolstack, "1", "1");
    BackendBus bus = startBus();
    await(() -> state(toolstack).equals("2"));
    settle();
    // The frontend tries, is closed, and comes back: that changes nothing.
    guest.write(FRONT + "/state", "4");
    await(() -> state(toolstack).equals("5"));
    guest.write(FRONT + "/state", "6");
    await(() -> state(toolstack).equals("6"));
    guest.write(FRONT + "/state", "1");
    settle();
    assertThat(state(toolstack)).isEqualTo("6");
    assertThat(made).isEmpty();

    factoryFailures.set(0);
    bus.reconsider();
    await(() -> state(toolstack).equals("2"));
    assertThat(toolstack.read(BACK + "/feature-sg")).contains("1");
    assertThat(toolstack.read(ERROR)).isEmpty();
    guest.write(FRONT + "/state", "4");
    await(() -> state(toolstack).equals("4"));
    assertThat(toolstack.read(BACK + "/hotplug-status")).contains("connected");
    assertThat(toolstack.read(BACK + "/hotplug-error")).isEmpty();
    guest.write(FRONT + "/request-live", "1");
    await(() -> device().live.equals("1"));
  }

  @Test
  void saysOnceWhyADeviceIsRefusedHoweverOftenItBeginsAnew() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    factoryFailures.set(Integer.MAX_VALUE);
    createDevice(toolstack, "1", "1");
    startBus();
    await(() -> state(toolstack).equals("2"));
    for (int i = 0; i < 3; i++) {
      toolstack.write(BACK + "/state", "1");
      await(() -> state(toolstack).equals("2"));
    }
    String refusal = "device vif5.0 is refused: no bridge";
    assertThat(told).extracting(BusScene::text).containsExactly(refusal);

    // Another device of the same name is another matter.
    toolstack.remove(BACK);
    await(() -> toolstack.read(ERROR).isEmpty());
    createDevice(toolstack, "1", "1");
    await(() -> state(toolstack).equals("2"));
    assertThat(told).extracting(BusScene::text).containsExactly(refusal, refusal);
  }

  @Test
  void makesARefusedDeviceAgainUntilItHearsOfItsLiveKeys() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = client("guest", Runnable::run);
    factoryFailures.set(Integer.MAX_VALUE);
    createDevice(toolstack, "1", "1");
    AtomicInteger refusals = new AtomicInteger();
    XenStore store = client("dom0", loop::execute);
    BackendBus bus = startBus(refusingOnce(store, FRONT + "/request-live", refusals));
    await(() -> state(toolstack).equals("2"));
    settle();

    factoryFailures.set(0);
    bus.reconsider();
    await(() -> refusals.get() > 0);
    settle();
    assertThat(device().calls).containsExactly("remove@2");

    loop.advance(TimeUnit.SECONDS.toNanos(1));
    guest.write(FRONT + "/state", "4");
    await(() -> state(toolstack).equals("4"));
    guest.write(FRONT + "/request-live", "1");
    await(() -> device().live.equals("1"));
    assertThat(toolstack.read(ERROR)).isEmpty();
  }

  /// The error was taken back when the device was made; made once more, it is refused once more.
  @Test
  void saysAgainWhyADeviceIsRefusedThatWasHalfMadeMeanwhile() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    factoryFailures.set(Integer.MAX_VALUE);
    createDevice(toolstack, "1", "1");
    AtomicInteger refusals = new AtomicInteger();
    XenStore store = client("dom0", loop::execute);
    BackendBus bus = startBus(refusingOnce(store, FRONT + "/request-live", refusals));
    await(() -> toolstack.read(ERROR).equals(Optional.of("22 no bridge")));
    settle();
    factoryFailures.set(0);
    bus.reconsider();
    await(() -> refusals.get() > 0);
    settle();
    assertThat(toolstack.read(ERROR)).isEmpty();

    factoryFailures.set(1);
    loop.advance(TimeUnit.SECONDS.toNanos(1));
    await(() -> toolstack.read(ERROR).equals(Optional.of("22 no bridge")));
  }
}
