package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.InternalErrors;
import org.netback.xen.store.XenStore;

/// What devices and the store do wrong stays with the device, and is tried again.
class BusFaultsTest extends BusScene {
  @Test
  void disconnectsOnceWhenTheDataPathReportsAFailureFromItsOwnThread() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);
    RecordingDevice device = device();

    Thread path =
        new Thread(
            () -> {
              for (int i = 0; i < 10_000; i++) {
                device.device.fail("req_prod 300 in a ring of 256\n\0\u00e9");
              }
            });
    path.start();
    path.join();

    await(() -> state(toolstack).equals("5"));
    assertThat(toolstack.read(ERROR)).contains("22 req_prod 300 in a ring of 256???");
    assertThat(device.calls).containsExactly("connect@2", "disconnect@4");
    toolstack.write(FRONT + "/state", "6");
    await(() -> state(toolstack).equals("6"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"create", "features", "liveKeys", "connect", "refresh", "disconnect", "remove"})
  void recordsWhatADeviceThrowsClosesItAndKeepsServingOthers(String method) throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    throwsIn = method;
    createDevice(toolstack, "1", "1");
    startBus();
    if (List.of("connect", "refresh", "disconnect", "remove").contains(method)) {
      await(() -> state(toolstack).equals("2"));
      toolstack.write(FRONT + "/state", "4");
    }
    if (List.of("disconnect", "remove").contains(method)) {
      await(() -> state(toolstack).equals("4"));
      if (method.equals("remove")) {
        toolstack.remove("/local/domain/0/backend/vif/5");
      } else {
        toolstack.write(FRONT + "/state", "5");
      }
    }
    await(() -> errors.count() > 0);
    settle();

    assertThat(log).extracting(InternalErrors.Report::owner).containsExactly("device vif5.0");
    assertThat(log.getFirst().error()).hasMessage("planted");
    if (!method.equals("remove")) {
      assertThat(toolstack.read(ERROR))
          .contains("22 internal error: java.lang.AssertionError: planted");
      assertThat(state(toolstack))
          .isEqualTo(
              switch (method) {
                case "create", "liveKeys" -> "2"; // with the error where the toolstack looks
                case "features" -> "6";
                default -> "5";
              });
    }
    long count = errors.count();
    settle();
    assertThat(errors.count()).as("thrown again and again").isEqualTo(count);

    throwsIn = "";
    String other = "/local/domain/0/backend/vif/6/0";
    toolstack.write("/local/domain/6/device/vif/0/state", "1");
    toolstack.write(other + "/frontend", "/local/domain/6/device/vif/0");
    toolstack.write(other + "/frontend-id", "6");
    toolstack.write(other + "/state", "1");
    await(() -> toolstack.read(other + "/state").orElse("").equals("2"));
    toolstack.write("/local/domain/6/device/vif/0/state", "4");
    await(() -> toolstack.read(other + "/state").orElse("").equals("4"));
    log.clear();
  }

  @Test
  void looksAgainLaterWhenTheStoreItselfThrows() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    AtomicInteger thrown = new AtomicInteger();
    XenStore store = client("dom0", loop::execute);
    startBus(
        (XenStore)
            Proxy.newProxyInstance(
                XenStore.class.getClassLoader(),
                new Class<?>[] {XenStore.class},
                (_, method, arguments) -> {
                  if (method.getName().equals("directory") && thrown.getAndIncrement() == 0) {
                    throw new IllegalStateException("planted");
                  }
                  return invoke(store, method, arguments);
                }));
    await(() -> thrown.get() > 0);
    settle();
    assertThat(log)
        .extracting(InternalErrors.Report::owner)
        .containsExactly("devices of class vif");
    assertThat(state(toolstack)).isEqualTo("1");

    loop.advance(TimeUnit.SECONDS.toNanos(1));
    await(() -> state(toolstack).equals("2"));
    log.clear();
  }

  @Test
  void triesAgainLaterWhenTheStoreRefusesAConnection() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    startBus();
    XenStore guest = client("guest", Runnable::run);
    await(() -> state(guest).equals("2"));
    device().storeRefuses = true;

    for (int i = 0; i < 10; i++) {
      guest.write(FRONT + "/state", i % 2 == 0 ? "4" : "3");
      settle();
    }
    assertThat(state(guest)).isEqualTo("2");
    assertThat(device().calls).containsExactly("connect@2", "disconnect@2");
    assertThat(toolstack.read(ERROR)).isEmpty();

    device().storeRefuses = false;
    loop.advance(TimeUnit.SECONDS.toNanos(1));
    await(() -> state(guest).equals("4"));
  }

  @Test
  void tellsWhatTheStoreRefusesInOneLineNowAndThen() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    startBus();
    XenStore guest = client("guest", Runnable::run);
    await(() -> state(guest).equals("2"));
    device().storeRefuses = true;
    for (int seconds = 0; seconds < 25; seconds++) {
      guest.write(FRONT + "/state", "4");
      settle();
      loop.advance(TimeUnit.SECONDS.toNanos(1));
      loop.runReady();
    }

    assertThat(told)
        .extracting(BusScene::text)
        .hasSize(3)
        .allMatch(line -> line.startsWith("device vif5.0: transaction planted: EAGAIN"))
        .last()
        .asString()
        .matches(".*, after [0-9]+ more refusals");
    assertThat(told).extracting(LogRecord::getThrown).containsOnlyNulls();
  }

  @Test
  void beginsADeviceAnewWhoseFrontendCouldNotBeWatched() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    AtomicInteger refusals = new AtomicInteger();
    XenStore store = client("dom0", loop::execute);
    startBus(refusingOnce(store, FRONT + "/state", refusals));
    await(() -> refusals.get() > 0);
    settle();
    assertThat(state(toolstack)).isEqualTo("1");
    assertThat(device().calls).containsExactly("disconnect@1", "remove@1");

    loop.advance(TimeUnit.SECONDS.toNanos(1));
    await(() -> state(toolstack).equals("2"));
  }
}
