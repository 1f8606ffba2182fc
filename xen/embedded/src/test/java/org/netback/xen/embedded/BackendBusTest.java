package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStates;
import org.netback.xen.bus.DeviceStatus;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.store.XenStore;

/// The bus against a xenstored: the toolstack, the guest and the bus each on a connection of its
/// own, the guest's with a guest's rights.
class BackendBusTest extends BusScene {
  @Test
  void announcesFeaturesConnectsAndClosesWithTheFrontend() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = client("guest", Runnable::run);
    createDevice(toolstack, "1", "1");
    startBus();

    await(() -> state(guest).equals("2"));
    assertThat(guest.read(BACK + "/feature-sg")).contains("1");
    assertThat(guest.read(BACK + "/multi-queue-max-queues")).contains("2");
    assertThat(device().calls).isEmpty();

    guest.write(FRONT + "/state", "4");
    await(() -> state(guest).equals("4"));
    assertThat(device().calls).containsExactly("connect@2");

    guest.write(FRONT + "/state", "5");
    await(() -> state(guest).equals("5"));
    assertThat(device().calls).containsExactly("connect@2", "disconnect@4");

    guest.write(FRONT + "/state", "6");
    await(() -> state(guest).equals("6"));

    guest.write(FRONT + "/state", "1");
    await(() -> state(guest).equals("2"));
    guest.write(FRONT + "/state", "4");
    await(() -> state(guest).equals("4"));
    assertThat(device().calls).containsExactly("connect@2", "disconnect@4", "connect@2");
  }

  @Test
  void findsDevicesThatAppearLater() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    startBus();
    loop.runReady();

    createDevice(toolstack, "1", "1");

    await(() -> state(toolstack).equals("2"));
  }

  @Test
  void startsOverForAFrontendThatStartsWithoutClosing() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);

    guest.write(FRONT + "/state", "1");
    await(() -> state(guest).equals("2"));
    guest.write(FRONT + "/state", "4");
    await(() -> state(guest).equals("4"));

    assertThat(device().calls).containsExactly("connect@2", "disconnect@4", "connect@2");
  }

  @Test
  void closesWhenTheFrontendsDirectoryVanishesAndServesItsSuccessor() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);

    toolstack.remove(FRONT);
    await(() -> state(toolstack).equals("6"));
    assertThat(device().calls).containsExactly("connect@2", "disconnect@4");

    createFrontend(toolstack, "1");
    await(() -> state(toolstack).equals("2"));
  }

  @Test
  void removesADeviceWhoseDirectoryVanishesAndDoesNotMakeItAgain() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);
    RecordingDevice device = device();

    toolstack.remove("/local/domain/0/backend/vif/5");
    await(() -> device.calls.contains("remove@gone"));
    loop.runReady();

    assertThat(device.calls).containsExactly("connect@2", "disconnect@gone", "remove@gone");
    assertThat(toolstack.directory("/local/domain/0/backend/vif")).doesNotContain("5");
  }

  @Test
  void servesADeviceThatIsMadeAnewUnderTheSameName() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);
    RecordingDevice old = device();

    createDevice(toolstack, "1", "1");
    await(() -> state(toolstack).equals("2"));

    assertThat(old.calls).contains("remove@1");
    assertThat(device()).isNotSameAs(old);
  }

  @Test
  void followsTheToolstacksUnplug() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);
    RecordingDevice device = device();

    toolstack.transaction(
        within -> {
          within.write(BACK + "/online", "0");
          within.write(BACK + "/state", "5");
          return true;
        });
    settle();
    assertThat(device.calls).containsExactly("connect@2");
    guest.write(FRONT + "/state", "6");

    await(() -> device.calls.stream().anyMatch(call -> call.startsWith("remove")));
    assertThat(state(toolstack)).isEqualTo("6");
    toolstack.write(BACK + "/hotplug-status", "");
    settle();
    assertThat(device()).as("not made again").isSameAs(device);
    assertThat(state(toolstack)).isEqualTo("6");
  }

  @Test
  void reattachesToALiveFrontendWithoutWritingAnything() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "4", "4");
    List<String> changed = new CopyOnWriteArrayList<>();
    toolstack.watch("/local", changed::add);
    awaitPlain(() -> changed.equals(List.of("/local")));

    startBus();
    await(() -> made.containsKey(id()) && !device().calls.isEmpty());
    settle();

    assertThat(device().calls).containsExactly("connect@4");
    assertThat(changed).containsExactly("/local");
  }

  @Test
  void picksUpWhatADeadDaemonLeft() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "5", "6");
    startBus();

    await(() -> state(toolstack).equals("6"));
    toolstack.write(FRONT + "/state", "1");
    await(() -> state(toolstack).equals("2"));
  }

  @Test
  void saysThatItIsOnItsNetworkBeforeItIsConnected() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    toolstack.write(BACK + "/script", "/etc/xen/scripts/vif-netback");
    toolstack.write(BACK + "/hotplug-status", "");
    startBus();
    await(() -> state(toolstack).equals("2"));
    assertThat(toolstack.read(BACK + "/hotplug-status")).contains("");
    toolstack.write(FRONT + "/state", "4");

    await(() -> state(toolstack).equals("4"));
    assertThat(toolstack.read(BACK + "/hotplug-status")).contains("connected");
    assertThat(device().calls).containsExactly("connect@2");
  }

  /// As a console has none.
  @Test
  void writesNoHotplugNodesForAClassWithoutAScript() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    toolstack.write(BACK + "/hotplug-status", "");
    startBus(List.of(vif(false)));
    await(() -> state(toolstack).equals("2"));
    toolstack.write(FRONT + "/state", "4");
    await(() -> state(toolstack).equals("4"));
    assertThat(toolstack.read(BACK + "/hotplug-status")).contains("");

    toolstack.remove(BACK);
    await(() -> device().calls.contains("remove@gone"));
    factoryFailures.set(Integer.MAX_VALUE);
    createDevice(toolstack, "1", "1");
    await(() -> state(toolstack).equals("2"));
    settle();
    assertThat(toolstack.read(ERROR)).contains("22 no bridge");
    assertThat(toolstack.directory(BACK)).doesNotContain("hotplug-error", "hotplug-status");
  }

  @Test
  void connectsWhenAFrontendOfTheClassHasPublishedItsRings() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    DeviceClass late =
        new DeviceClass(
            "vif",
            this::make,
            new DeviceStates(EnumSet.of(XenbusState.CONNECTED), DeviceStates.USUAL.known()),
            false,
            Optional.empty(),
            BOUNDS);
    startBus(List.of(late));
    await(() -> state(toolstack).equals("2"));
    toolstack.write(FRONT + "/state", "3");
    settle();
    assertThat(state(toolstack)).isEqualTo("2");

    toolstack.write(FRONT + "/state", "4");
    await(() -> state(toolstack).equals("4"));
  }

  @Test
  void servesEachClassByItsOwnFactory() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    String other = "/local/domain/0/backend/vkbd/5/0";
    createDevice(toolstack, "1", "1");
    toolstack.write("/local/domain/5/device/vkbd/0/state", "1");
    toolstack.write(other + "/frontend", "/local/domain/5/device/vkbd/0");
    toolstack.write(other + "/frontend-id", "5");
    toolstack.write(other + "/state", "1");
    DeviceClass vkbd =
        new DeviceClass(
            "vkbd",
            _ -> {
              throw new DeviceException("no keyboard");
            },
            DeviceStates.USUAL,
            false,
            Optional.empty(),
            BOUNDS);
    BackendBus bus = startBus(List.of(vif(), vkbd));

    await(() -> state(toolstack).equals("2"));
    await(() -> toolstack.read(other + "/state").equals(Optional.of("2")));
    assertThat(toolstack.read("/local/domain/0/error/backend/vkbd/5/0/error"))
        .contains("22 no keyboard");
    assertThat(bus.devices()).hasSize(2);
    assertThat(bus.devices("vkbd"))
        .extracting(DeviceStatus::id)
        .containsExactly(new DeviceId("vkbd", 5, 0));
    assertThat(made).containsOnlyKeys(id());
  }

  @Test
  void takesNoTwoClassesOfOneType() {
    assertThatThrownBy(() -> startBus(List.of(vif(), vif())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("vif");
  }

  @Test
  void leavesADeviceAloneThatTheKernelHas() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "1", "1");
    AtomicReference<Optional<String>> owner = new AtomicReference<>(Optional.of("the kernel"));
    BackendBus bus =
        new BackendBus(
            client("dom0", loop::execute),
            loop,
            0,
            List.of(vif()),
            (driver, id) -> {
              assertThat(driver.module()).isEqualTo("xen-netback");
              assertThat(id).isEqualTo(id());
              return owner.get();
            });
    bus.start();
    await(() -> bus.devices().size() == 1);
    assertThat(bus.devices().getFirst().lastError()).isEqualTo("left to the kernel");
    assertThat(state(toolstack)).isEqualTo("1");
    assertThat(made).isEmpty();

    owner.set(Optional.empty());
    toolstack.write(BACK + "/online", "1");
    await(() -> state(toolstack).equals("2"));
    assertThat(bus.devices()).extracting(DeviceStatus::lastError).containsExactly("");
  }
}
