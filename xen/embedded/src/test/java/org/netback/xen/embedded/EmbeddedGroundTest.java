package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.Eventually;
import org.netback.loop.SteppedLoop;
import org.netback.xen.embedded.memory.DomainSize;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.embedded.toolstack.VifSpec;
import org.netback.xen.event.EventChannel;
import org.netback.xen.ground.Backend;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

final class EmbeddedGroundTest {
  @TempDir private Path directory;
  private EmbeddedGround ground;
  private Backend backend;

  @BeforeEach
  void open() throws IOException {
    ground = EmbeddedGround.open(directory);
    backend = ground.backend();
  }

  @AfterEach
  void close() throws IOException {
    backend.close();
    ground.close();
  }

  @Test
  void hasRoomForEveryGuestsSocketInItsDirectory() throws IOException {
    int room = EmbeddedGround.MAX_RUN_OCTETS - directory.toString().length() - 1;
    Path longest = directory.resolve("x".repeat(room));
    try (EmbeddedGround roomy = EmbeddedGround.open(longest)) {
      roomy.createDomain(new GuestSpec("g", DomainSize.DEFAULT, List.of())).close();
    }
    Path tooLong = directory.resolve("x".repeat(room + 1));
    assertThatThrownBy(() -> EmbeddedGround.open(tooLong))
        .isInstanceOf(IOException.class)
        .hasMessage(
            tooLong + ": a ground's directory has a path of at most 87 octets, this one 88");
    assertThat(tooLong).doesNotExist();
  }

  @Test
  void makesTheDirectoriesOfAVifAsLibxlDoes() throws IOException {
    VifSpec vif = new VifSpec("blue", "00:16:3E:01:02:03", 9000);
    try (GuestDomain guest =
        ground.createDomain(new GuestSpec("web", DomainSize.DEFAULT, List.of(vif.device(0))))) {
      int domid = guest.domid();
      String frontend = "/local/domain/" + domid + "/device/vif/0";
      String back = "/local/domain/0/backend/vif/" + domid + "/0";
      XenStore store = backend.store();
      assertThat(store.directory(back))
          .containsExactlyInAnyOrder(
              "frontend",
              "frontend-id",
              "online",
              "state",
              "mac",
              "mtu",
              "bridge",
              "handle",
              "type",
              "hotplug-status");
      assertThat(store.directory(frontend))
          .containsExactlyInAnyOrder(
              "backend", "backend-id", "state", "handle", "mac", "mtu", "trusted");
      assertThat(store.read(back + "/frontend")).hasValue(frontend);
      assertThat(store.read(back + "/bridge")).hasValue("blue");
      assertThat(store.read(back + "/mac")).hasValue("00:16:3e:01:02:03");
      assertThat(store.read(frontend + "/backend")).hasValue(back);
      assertThat(store.read(frontend + "/mtu")).hasValue("9000");
      assertThat(store.permissions(frontend)).containsExactly("n" + domid, "r0");
      assertThat(store.permissions(back)).containsExactly("n0", "r" + domid);
      assertThat(store.permissions(frontend + "/mtu")).containsExactly("n0", "r" + domid);
      assertThat(guest.frontendPath("vif", 0)).isEqualTo(frontend);
      assertThat(store.read("/local/domain/" + domid + "/name")).hasValue("web");
    }
  }

  @Test
  void givesAGuestItsOwnViewOfTheStore() throws IOException {
    try (GuestDomain one = ground.createDomain(GuestSpec.of("one", "net"));
        GuestDomain two = ground.createDomain(GuestSpec.of("two", "net"))) {
      one.store().write("device/vif/0/state", "4");
      assertThat(backend.store().read(one.frontendPath("vif", 0) + "/state")).hasValue("4");
      assertThat(one.store().read("name")).hasValue("one");
      assertThatThrownBy(() -> two.store().write(one.frontendPath("vif", 0) + "/state", "1"))
          .isInstanceOf(StoreException.class)
          .hasMessageContaining("EACCES");
      assertThatThrownBy(() -> one.store().write("device/vif/0/mtu", "1"))
          .isInstanceOf(StoreException.class);
      assertThatThrownBy(
              () -> one.store().write("/local/domain/0/backend/vif/" + one.domid() + "/0/x", ""))
          .isInstanceOf(StoreException.class);
    }
  }

  @Test
  void removesADestroyedGuestOnceTheBackendHasLetGo() throws Exception {
    GuestDomain guest = ground.createDomain(GuestSpec.of("guest", "net"));
    String back = "/local/domain/0/backend/vif/" + guest.domid();
    backend.store().write(back + "/0/state", "4");
    guest.close();
    guest.close();
    assertThat(guest.lost().toCompletableFuture()).isDone();
    Eventually.await(
        "asked to close", () -> backend.store().read(back + "/0/state").equals(text("5")));
    assertThat(backend.store().read(back + "/0/online")).hasValue("0");
    assertThat(backend.store().directory("/local/domain")).contains("" + guest.domid());
    backend.store().write(back + "/0/state", "6");
    Eventually.await("directories gone", () -> backend.store().read(back + "/0/state").isEmpty());
    Eventually.await(
        "domain gone",
        () -> !backend.store().directory("/local/domain").contains("" + guest.domid()));
    ground.createDomain(GuestSpec.of("guest", "net")).close();
  }

  private static java.util.Optional<String> text(String value) {
    return java.util.Optional.of(value);
  }

  @Test
  void givesTheSameNameTheSameAddressAgain() throws IOException {
    VifSpec first = VifSpec.named("guest", 0, "net");
    assertThat(first.mac()).startsWith("00:16:3e:");
    assertThat(VifSpec.named("guest", 0, "net")).isEqualTo(first);
    assertThat(VifSpec.named("guest", 1, "net").mac()).isNotEqualTo(first.mac());
  }

  @Test
  void refusesASecondGroundInOneDirectoryAndReplacesADeadOne() throws IOException {
    assertThatThrownBy(() -> EmbeddedGround.open(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("another ground lives in");
    ground.close();
    ground = EmbeddedGround.open(directory);
    ground.createDomain(GuestSpec.of("guest", "net")).close();
  }

  @Test
  void refusesNamesThatWouldLeadElsewhere() {
    for (String name : new String[] {"", "a/b", "a b", "..\n", "x".repeat(65)}) {
      assertThatThrownBy(() -> GuestSpec.of(name, "net"))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> VifSpec.named("guest", 0, name))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> new VifSpec("net", "01:00:5e:00:00:01", 1500))
        .hasMessageContaining("01:00:5e:00:00:01");
  }

  @Test
  void leavesNothingBehindWhenGuestsComeAndGo() throws Exception {
    SteppedLoop loop = new SteppedLoop();
    cycle(loop);
    int before = HypervisorTest.openFiles();
    for (int i = 0; i < 300; i++) {
      cycle(loop);
    }
    Eventually.await("descriptors flat", () -> HypervisorTest.openFiles() <= before);
    Eventually.await(
        "store empty", () -> backend.store().directory("/local/domain").equals(List.of("0")));
    assertThat(directory.resolve("domains").toFile().list()).isEmpty();
  }

  private void cycle(SteppedLoop loop) throws IOException {
    try (GuestDomain guest = ground.createDomain(GuestSpec.of("guest", "net"))) {
      int gref = guest.memory().grant(guest.memory().allocate(1), 0, false);
      EventChannel offered = guest.events().allocate(0, loop, () -> true);
      guest.store().write("device/vif/0/event-channel", "" + offered.port());
      backend.guests().grants().map(guest.domid(), new int[] {gref}, false).close();
      backend.guests().events().bind(guest.domid(), offered.port(), loop, () -> true).close();
    }
  }
}
