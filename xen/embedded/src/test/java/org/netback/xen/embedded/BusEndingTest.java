package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.store.StoreClient;
import org.netback.xen.store.XenStore;

/// The end of a bus: with its devices closed, or left to a successor.
class BusEndingTest extends BusScene {
  @Test
  void endsWithClosingThenClosedAndWaitsForTheFrontend() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = client("guest", Runnable::run);
    createDevice(toolstack, "1", "1");
    BackendBus bus = startBus();
    await(() -> state(guest).equals("2"));
    guest.write(FRONT + "/state", "4");
    await(() -> state(guest).equals("4"));
    RecordingDevice device = device();

    CompletableFuture<Void> ended = bus.close(TimeUnit.SECONDS.toNanos(5)).toCompletableFuture();
    await(() -> state(guest).equals("5"));
    settle();
    assertThat(ended).isNotDone();
    assertThat(device.calls).containsExactly("connect@2");
    guest.write(FRONT + "/state", "6");

    await(ended::isDone);
    assertThat(state(guest)).isEqualTo("6");
    assertThat(device.calls).startsWith("connect@2", "disconnect@5").endsWith("remove@6");
    assertThat(bus.devices()).isEmpty();
  }

  @Test
  void closesByForceWhenItsPatienceIsOver() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "4", "4");
    BackendBus bus = startBus();
    await(() -> made.containsKey(id()) && !device().calls.isEmpty());

    CompletableFuture<Void> ended = bus.close(TimeUnit.SECONDS.toNanos(5)).toCompletableFuture();
    await(() -> state(toolstack).equals("5"));
    settle();
    assertThat(ended).isNotDone();
    loop.advance(TimeUnit.SECONDS.toNanos(5));

    assertThat(ended).isDone();
    assertThat(state(toolstack)).isEqualTo("6");
  }

  @Test
  void leavesEverythingAsItIsToASuccessor() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    createDevice(toolstack, "4", "4");
    BackendBus bus = startBus();
    await(() -> made.containsKey(id()) && !device().calls.isEmpty());
    RecordingDevice dead = device();

    CompletableFuture<Void> ended = bus.abandon().toCompletableFuture();
    await(ended::isDone);
    assertThat(dead.calls).containsExactly("connect@4", "disconnect@4", "remove@4");
    assertThat(state(toolstack)).isEqualTo("4");
    assertThat(toolstack.read(ERROR)).isEmpty();

    startBus();
    await(() -> device() != dead && !device().calls.isEmpty());
    assertThat(device().calls).containsExactly("connect@4");
  }

  /// A change that comes just before the end is looked at after it, when the store may be closed.
  @Test
  void looksAtNothingAfterItsEnd() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    StoreClient own = client("dom0", Runnable::run);
    BackendBus bus = startBus(own);
    settle();
    CompletableFuture<Void> ended = bus.abandon().toCompletableFuture();
    toolstack.write("/local/domain/0/backend/vif/5", "");
    assertThat(own.read("/local/domain/0/backend/vif/5")).isPresent(); // its event has come first
    while (!ended.isDone()) {
      assertThat(loop.step()).isTrue();
    }
    own.close();
    assertThat(loop.runReady()).isPositive();
    assertThat(told).isEmpty();
    assertThat(made).isEmpty();
  }

  /// A device that cannot let go must not keep the daemon from its end.
  @ParameterizedTest
  @ValueSource(strings = {"disconnect", "remove"})
  void endsThoughADeviceThrows(String method) throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    throwsIn = method;
    createDevice(toolstack, "4", "4");
    BackendBus bus = startBus();
    await(() -> made.containsKey(id()) && !device().calls.isEmpty());

    CompletableFuture<Void> ended = bus.abandon().toCompletableFuture();
    await(ended::isDone);

    assertThat(device().calls).containsExactly("connect@4", "disconnect@4", "remove@4");
    assertThat(log).hasSize(1);
    log.clear();
  }
}
