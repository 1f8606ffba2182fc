package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.netback.loop.InternalErrors;
import org.netback.loop.SteppedLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.FrontendKeys;
import org.netback.xen.embedded.xenstored.Xenstored;
import org.netback.xen.store.StoreClient;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.UnixStoreTransport;
import org.netback.xen.store.XenStore;

/// The bus against a xenstored: the toolstack, the guest and the bus each on a connection of its
/// own, the guest's with a guest's rights.
@Timeout(120)
class BackendBusTest {
  private static final Logger LOGGER = Logger.getLogger(BackendBus.class.getName());
  private static final int GUEST = 5;
  private static final String BACK = "/local/domain/0/backend/vif/5/0";
  private static final String FRONT = "/local/domain/5/device/vif/0";
  private static final String ERROR = "/local/domain/0/error/backend/vif/5/0/error";

  /// What the test waits for.
  @FunctionalInterface
  private interface Condition {
    boolean holds() throws StoreException;
  }

  @TempDir private Path dir = Path.of("/");
  private final NettyLoop netty = NettyLoop.start("bus-test");
  private final Xenstored xenstored = new Xenstored(netty.ioEventLoop(), netty.errors());
  private final List<StoreClient> clients = new ArrayList<>();
  private final List<InternalErrors.Report> log = new CopyOnWriteArrayList<>();
  private final InternalErrors errors = new InternalErrors(() -> 0, log::add);
  private final SteppedLoop loop = new SteppedLoop(errors);
  private final Map<DeviceId, RecordingDevice> made = new HashMap<>();
  private final AtomicInteger factoryFailures = new AtomicInteger();

  /// What the bus has told the log.
  private final List<LogRecord> told = new CopyOnWriteArrayList<>();

  private final Handler keeper = keeper(told);
  private boolean refuseConnect;
  private String throwsIn = "";

  @BeforeEach
  void listen() throws IOException {
    xenstored.listen(dir.resolve("dom0"), 0);
    xenstored.listen(dir.resolve("guest"), GUEST);
    xenstored.introduce(GUEST);
  }

  @BeforeEach
  void listenToTheLog() {
    LOGGER.addHandler(keeper);
  }

  @AfterEach
  void stop() {
    LOGGER.removeHandler(keeper);
    clients.forEach(StoreClient::close);
    xenstored.close();
    netty.close();
    assertThat(log).isEmpty();
  }

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
    assertThat(told).extracting(BackendBusTest::text).containsExactly(refusal);

    // Another device of the same name is another matter.
    toolstack.remove(BACK);
    await(() -> toolstack.read(ERROR).isEmpty());
    createDevice(toolstack, "1", "1");
    await(() -> state(toolstack).equals("2"));
    assertThat(told).extracting(BackendBusTest::text).containsExactly(refusal, refusal);
  }

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
        .extracting(BackendBusTest::text)
        .hasSize(3)
        .allMatch(line -> line.startsWith("device vif5.0: transaction planted: EAGAIN"))
        .last()
        .asString()
        .matches(".*, after [0-9]+ more refusals");
    assertThat(told).extracting(LogRecord::getThrown).containsOnlyNulls();
  }

  /// The C xenstored refuses a transaction that has read what was written meanwhile; ours does not.
  @Test
  void givesUpReadingAFrontendThatIsWrittenWithoutPause() throws Exception {
    XenStore toolstack = client("dom0", Runnable::run);
    connectedGuest(toolstack);
    AtomicInteger attempts = new AtomicInteger();
    BackendDevice device =
        new BackendDevice(id(), underSiege(toolstack, attempts), BACK, FRONT, message -> {});

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

  /// A store that refuses the first watch of a path.
  private static XenStore refusingOnce(XenStore store, String path, AtomicInteger refusals) {
    return (XenStore)
        Proxy.newProxyInstance(
            XenStore.class.getClassLoader(),
            new Class<?>[] {XenStore.class},
            (_, method, arguments) -> {
              if (method.getName().equals("watch")
                  && arguments[0].equals(path)
                  && refusals.getAndIncrement() == 0) {
                throw new StoreException("WATCH", path, "ENOSPC");
              }
              return invoke(store, method, arguments);
            });
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

  private static Object invoke(XenStore store, Method method, Object[] arguments) throws Throwable {
    try {
      return method.invoke(store, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
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

  private static Handler keeper(List<LogRecord> told) {
    return new Handler() {
      @Override
      public void publish(LogRecord line) {
        told.add(line);
      }

      @Override
      public void flush() {}

      @Override
      public void close() {}
    };
  }

  private static String text(LogRecord line) {
    return MessageFormat.format(line.getMessage(), line.getParameters());
  }

  private BackendBus startBus() throws IOException {
    return startBus(client("dom0", loop::execute));
  }

  private BackendBus startBus(XenStore store) throws StoreException {
    BackendBus bus =
        new BackendBus(
            store,
            loop,
            0,
            Map.of(
                "vif",
                device -> {
                  if (factoryFailures.getAndDecrement() > 0) {
                    throw new DeviceException("no bridge");
                  }
                  if (throwsIn.equals("create")) {
                    throw new AssertionError("planted");
                  }
                  RecordingDevice recording = new RecordingDevice(device);
                  recording.refuseConnect = refuseConnect;
                  recording.throwsIn = throwsIn;
                  made.put(device.id(), recording);
                  return recording;
                }));
    bus.start();
    return bus;
  }

  /// As libxl does: both directories at once, the frontend's being the guest's own.
  private static void createDevice(XenStore toolstack, String backendState, String frontendState)
      throws StoreException {
    toolstack.transaction(
        within -> {
          within.write(BACK + "/frontend", FRONT);
          within.write(BACK + "/frontend-id", Integer.toString(GUEST));
          within.write(BACK + "/online", "1");
          within.write(BACK + "/handle", "0");
          within.write(BACK + "/state", backendState);
          for (String path : List.of(BACK, BACK + "/state")) {
            within.setPermissions(path, List.of("n0", "r5"));
          }
          return true;
        });
    createFrontend(toolstack, frontendState);
  }

  private static void createFrontend(XenStore toolstack, String state) throws StoreException {
    toolstack.transaction(
        within -> {
          within.write(FRONT + "/backend", BACK);
          within.write(FRONT + "/state", state);
          for (String path : List.of(FRONT, FRONT + "/state")) {
            within.setPermissions(path, List.of("n5", "r0"));
          }
          return true;
        });
  }

  private XenStore connectedGuest(XenStore toolstack) throws Exception {
    createDevice(toolstack, "1", "1");
    startBus();
    XenStore guest = client("guest", Runnable::run);
    await(() -> state(guest).equals("2"));
    guest.write(FRONT + "/state", "4");
    await(() -> state(guest).equals("4"));
    return guest;
  }

  private StoreClient client(String socket, Executor watchers) throws IOException {
    StoreClient client =
        StoreClient.start(
            UnixStoreTransport.connect(netty, dir.resolve(socket)),
            "/local/domain/" + (socket.equals("guest") ? GUEST : 0),
            watchers,
            errors);
    clients.add(client);
    return client;
  }

  private static String state(XenStore store) throws StoreException {
    return store.read(BACK + "/state").orElse("gone");
  }

  private static DeviceId id() {
    return new DeviceId("vif", GUEST, 0);
  }

  private RecordingDevice device() {
    return Optional.ofNullable(made.get(id())).orElseThrow();
  }

  /// Steps the bus until something holds.
  private void await(Condition condition) throws StoreException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.holds()) {
      assertThat(System.nanoTime() - deadline).isNegative();
      if (!loop.step()) {
        LockSupport.parkNanos(100_000);
      }
    }
  }

  private static void awaitPlain(Condition condition) throws StoreException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.holds()) {
      assertThat(System.nanoTime() - deadline).isNegative();
      LockSupport.parkNanos(100_000);
    }
  }

  /// Lets every event that is on its way arrive: what a later round trip's event has overtaken does
  /// not exist, since xenstored sends a connection's events in order.
  private void settle() throws StoreException {
    for (int i = 0; i < 3; i++) {
      for (StoreClient client : clients) {
        client.read(BACK + "/state");
      }
      loop.runReady();
    }
  }
}
