package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.store.StoreClient;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.UnixStoreTransport;
import org.netback.xen.store.XenStore;

/// A bus in a domain that is not dom0 and has no more rights than a guest: domain 5 serves a device
/// of domain 6. The directories have the owners that libxl gives them.
class DriverDomainTest extends BusScene {
  private static final int DRIVER = 5;
  private static final int FRONTEND = 6;
  private static final String HOME = "/local/domain/5";
  private static final String BACKEND = HOME + "/backend/vif/6/0";
  private static final String DEVICE = "/local/domain/6/device/vif/0";
  private static final String MESSAGE = HOME + "/error/backend/vif/6/0/error";

  private final DeviceId served = new DeviceId("vif", FRONTEND, 0);

  @BeforeEach
  void buildDomains() throws IOException {
    xenstored.listen(dir.resolve("frontend"), FRONTEND);
    xenstored.introduce(FRONTEND);
    XenStore toolstack = client("dom0", Runnable::run);
    for (int domid : List.of(DRIVER, FRONTEND)) {
      String home = "/local/domain/" + domid;
      make(toolstack, home, "n0", "r" + domid);
      toolstack.write(home + "/domid", Integer.toString(domid));
      make(toolstack, home + "/error", "n" + domid);
    }
  }

  private static void make(XenStore toolstack, String path, String... permissions)
      throws StoreException {
    toolstack.mkdir(path);
    toolstack.setPermissions(path, List.of(permissions));
  }

  private static void createDevice(XenStore toolstack) throws StoreException {
    boolean _ =
        toolstack.transaction(
            within -> {
              make(within, DEVICE, "n" + FRONTEND, "r" + DRIVER);
              within.write(DEVICE + "/backend", BACKEND);
              within.write(DEVICE + "/backend-id", Integer.toString(DRIVER));
              within.write(DEVICE + "/state", "1");
              make(within, BACKEND, "n" + DRIVER, "r" + FRONTEND);
              within.write(BACKEND + "/frontend", DEVICE);
              within.write(BACKEND + "/frontend-id", Integer.toString(FRONTEND));
              within.write(BACKEND + "/online", "1");
              within.write(BACKEND + "/hotplug-status", "");
              within.write(BACKEND + "/state", "1");
              return true;
            });
  }

  private BackendBus startDriver() throws IOException {
    StoreClient store =
        StoreClient.start(
            UnixStoreTransport.connect(netty, dir.resolve("guest")), loop::execute, errors);
    clients.add(store);
    assertThat(store.domid()).isEqualTo(DRIVER);
    BackendBus bus = new BackendBus(store, loop, store.domid(), List.of(vif()));
    bus.start();
    return bus;
  }

  private static String stateOf(XenStore store) throws StoreException {
    return store.read(BACKEND + "/state").orElse("gone");
  }

  private RecordingDevice servedDevice() {
    return Optional.ofNullable(made.get(served)).orElseThrow();
  }

  @Test
  void servesTheDevicesBelowItsOwnDomain() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    BackendBus bus = startDriver();
    createDevice(toolstack);
    StoreClient frontend =
        StoreClient.start(
            UnixStoreTransport.connect(netty, dir.resolve("frontend")), Runnable::run, errors);
    clients.add(frontend);
    await(() -> stateOf(frontend).equals("2"));
    assertThat(frontend.read(BACKEND + "/feature-sg")).contains("1");
    assertThat(bus.directory(served)).isEqualTo(BACKEND);

    frontend.write("device/vif/0/state", "4");
    await(() -> stateOf(frontend).equals("4"));
    assertThat(frontend.read(BACKEND + "/hotplug-status")).contains("connected");
    assertThat(servedDevice().device.frontendKeys().text("backend-id")).contains("5");

    servedDevice().device.fail("planted");
    await(() -> stateOf(frontend).equals("5"));
    assertThat(toolstack.read(MESSAGE)).contains("22 planted");
    frontend.write(DEVICE + "/state", "6");
    await(() -> stateOf(frontend).equals("6"));

    toolstack.remove(HOME + "/backend/vif/6");
    await(() -> bus.devices().isEmpty());
    assertThat(toolstack.directory(HOME + "/backend/vif")).isEmpty();
    assertThat(toolstack.read(MESSAGE)).isEmpty();
  }

  @Test
  void leavesDevicesOfOtherBackendsAlone() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    BackendBus dom0 = startBus();
    await(() -> state(toolstack).equals("2"));
    BackendBus driver = startDriver();
    createDevice(toolstack);
    await(() -> stateOf(toolstack).equals("2"));
    settle();

    assertThat(dom0.devices()).extracting(device -> device.id()).containsExactly(id());
    assertThat(driver.devices()).extracting(device -> device.id()).containsExactly(served);
    CompletableFuture<Void> ended = driver.abandon().toCompletableFuture();
    await(ended::isDone);
    assertThat(stateOf(toolstack)).isEqualTo("2");
  }
}
