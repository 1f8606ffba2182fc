package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.FrontendKeys;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// What a backend reads and writes through its device.
class BackendDeviceTest extends BusScene {
  private static final int PUBLISHERS = 4;

  @ParameterizedTest
  @CsvSource({"'', key-, 20, keys, 18", "/queue-1, key-, 6, keys, 6", "'', queue-, 3, queues, 3"})
  void refusesAFrontendThatHasWrittenMoreThanItsClassAllows(
      String directory, String key, int bound, String what, int more) throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);
    for (int i = 0; i < more; i++) {
      guest.write(FRONT + directory + '/' + key + i, "");
    }
    assertThat(device().device.frontendKeys().has("state")).isTrue();

    guest.write(FRONT + directory + '/' + key + more, "");
    assertThatThrownBy(device().device::frontendKeys)
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "%s%s has %d %s, more than %d".formatted(FRONT, directory, bound + 1, what, bound));
  }

  /// Names of the guest's own may be as long as a path.
  @Test
  void takesForAQueueOnlyWhatIsNumbered() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);
    for (String name : List.of("queue-", "queue-x", "queue-01", "queue-" + "9".repeat(1000))) {
      guest.write(FRONT + '/' + name + "/key", "");
    }

    FrontendKeys keys = device().device.frontendKeys();
    assertThat(keys.has("queue-x")).isTrue();
    assertThat(keys.has("queue-x/key")).isFalse();
  }

  @Test
  void publishesKeysAndTakesThemBack() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);
    List<String> changed = new CopyOnWriteArrayList<>();
    toolstack.watch(BACK, changed::add);
    awaitPlain(() -> changed.equals(List.of(BACK)));

    assertThat(device().device.publish(Map.of("sectors", "8", "info", "4"), false)).isTrue();
    awaitPlain(() -> changed.size() == 3);
    assertThat(changed).containsExactlyInAnyOrder(BACK, BACK + "/sectors", BACK + "/info");
    assertThat(toolstack.read(BACK + "/sectors")).contains("8");

    Map<String, String> resized = new LinkedHashMap<>();
    resized.put("sectors", "16");
    resized.put("info", "");
    resized.put("never-there", "");
    assertThat(device().device.publish(resized, false)).isTrue();
    assertThat(toolstack.read(BACK + "/sectors")).contains("16");
    assertThat(toolstack.directory(BACK)).doesNotContain("info", "never-there");
  }

  @Test
  void tellsFrontendsThatWatchTheStateToLookAgain() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);
    List<String> changed = new CopyOnWriteArrayList<>();
    guest.watch(BACK + "/state", changed::add);
    awaitPlain(() -> changed.size() == 1);

    assertThat(device().device.publish(Map.of("sectors", "8"), true)).isTrue();
    awaitPlain(() -> changed.size() == 2);
    settle();
    assertThat(state(guest)).isEqualTo("4");
    assertThat(device().calls).containsExactly("connect@2");
  }

  @Test
  void leavesTheStateToTheBus() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);

    assertThatThrownBy(() -> device().device.publish(Map.of("state", "6"), false))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(state(toolstack)).isEqualTo("4");
  }

  @Test
  void doesNotBringBackADirectoryThatHasGone() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);
    BackendDevice device = device().device;

    toolstack.remove("/local/domain/0/backend/vif/5");

    assertThat(device.publish(Map.of("carrier", "1"), false)).isFalse();
    assertThat(device.publish(Map.of("carrier", "1"), true)).isFalse();
    assertThat(device.publish(Map.of(), true)).isFalse();
    assertThat(toolstack.directory("/local/domain/0/backend/vif")).isEmpty();
  }

  /// Each thread's keys are written as a whole, until the toolstack removes the directory under
  /// them.
  @Test
  void publishesFromAnyThread() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);
    BackendDevice device = device().device;
    CountDownLatch published = new CountDownLatch(PUBLISHERS);
    List<CompletableFuture<Integer>> publishers = new ArrayList<>();
    for (int thread = 0; thread < PUBLISHERS; thread++) {
      String key = "key-" + thread;
      publishers.add(
          CompletableFuture.supplyAsync(
              () -> publishUntilGone(device, key, published),
              task -> Thread.ofPlatform().daemon().start(task)));
    }
    assertThat(published.await(60, TimeUnit.SECONDS)).isTrue();
    for (int i = 0; i < 20; i++) {
      Map<String, String> seen =
          toolstack.transaction(
              within -> {
                Map<String, String> values = new HashMap<>();
                for (String name : within.directory(BACK)) {
                  within.read(BACK + '/' + name).ifPresent(value -> values.put(name, value));
                }
                return values;
              });
      for (int thread = 0; thread < PUBLISHERS; thread++) {
        assertThat(seen)
            .containsEntry(
                "key-" + thread + "-b", String.valueOf(seen.get("key-" + thread + "-a")));
      }
    }
    toolstack.remove("/local/domain/0/backend/vif/5");

    for (CompletableFuture<Integer> publisher : publishers) {
      assertThat(publisher.get(60, TimeUnit.SECONDS)).isPositive();
    }
    assertThat(toolstack.directory("/local/domain/0/backend/vif")).isEmpty();
  }

  private static int publishUntilGone(BackendDevice device, String key, CountDownLatch published) {
    try {
      int count = 0;
      while (true) {
        String value = Integer.toString(count);
        if (!device.publish(Map.of(key + "-a", value, key + "-b", value), count % 2 == 0)) {
          return count;
        }
        if (count++ == 0) {
          published.countDown();
        }
      }
    } catch (StoreException e) {
      throw new AssertionError(e);
    }
  }

  /// The C xenstored refuses a transaction that has read what was written meanwhile; ours does not.
  @Test
  void givesUpReadingAFrontendThatIsWrittenWithoutPause() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);
    AtomicInteger attempts = new AtomicInteger();
    BackendDevice device =
        new BackendDevice(id(), underSiege(toolstack, attempts), 0, FRONT, BOUNDS, message -> {});

    assertThatThrownBy(device::frontendKeys)
        .isInstanceOf(StoreException.class)
        .hasMessageContaining("EAGAIN");
    assertThat(attempts).hasValue(4);
  }

  /// A store that refuses each transaction's commit.
  private static XenStore underSiege(XenStore store, AtomicInteger attempts) {
    return (XenStore)
        Proxy.newProxyInstance(
            XenStore.class.getClassLoader(),
            new Class<?>[] {XenStore.class},
            (_, method, arguments) -> {
              assertThat(method.getName()).isEqualTo("transaction");
              for (int i = 0; i < 100; i++) {
                attempts.incrementAndGet();
                Object _ = store.transaction((XenStore.Transaction<?>) arguments[0]);
              }
              throw new AssertionError("tried for ever");
            });
  }

  @Test
  void readsAFrontendsKeysBoundedAndWithItsQueues() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    XenStore guest = connectedGuest(toolstack);
    guest.write(FRONT + "/multi-queue-num-queues", "2");
    guest.write(FRONT + "/queue-0/tx-ring-ref", "8");
    guest.write(FRONT + "/queue-1/tx-ring-ref", "9");
    guest.write(FRONT + "/deep/er/key", "x");

    FrontendKeys keys = device().device.frontendKeys();

    assertThat(keys.number("multi-queue-num-queues", 1, 2)).isEqualTo(2);
    assertThat(keys.number("queue-0/tx-ring-ref", 0, 100)).isEqualTo(8);
    assertThat(keys.number("queue-1/tx-ring-ref", 0, 100)).isEqualTo(9);
    assertThat(keys.has("deep/er/key")).isFalse();
    assertThat(keys.text("queue-2/tx-ring-ref")).isEmpty();
  }
}
