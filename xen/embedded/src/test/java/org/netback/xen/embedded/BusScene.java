package org.netback.xen.embedded;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.loop.InternalErrors;
import org.netback.loop.SteppedLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceClass.KernelDriver;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStates;
import org.netback.xen.bus.KeyBounds;
import org.netback.xen.embedded.xenstored.Xenstored;
import org.netback.xen.store.StoreClient;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.UnixStoreTransport;
import org.netback.xen.store.XenStore;

/// A xenstored with a toolstack, a guest and a bus on connections of their own, the guest's with a
/// guest's rights, for tests of the bus.
@Timeout(120)
class BusScene {
  private static final Logger LOGGER = Logger.getLogger(BackendBus.class.getName());
  static final int GUEST = 5;
  static final KeyBounds BOUNDS = new KeyBounds(20, 3, 6);
  static final String BACK = "/local/domain/0/backend/vif/5/0";
  static final String FRONT = "/local/domain/5/device/vif/0";
  static final String ERROR = "/local/domain/0/error/backend/vif/5/0/error";

  /// What the test waits for.
  @FunctionalInterface
  interface Condition {
    boolean holds() throws StoreException;
  }

  @TempDir Path dir = Path.of("/");
  final NettyLoop netty = NettyLoop.start("bus-test");
  final Xenstored xenstored = new Xenstored(netty.ioEventLoop(), netty.errors());
  final List<StoreClient> clients = new ArrayList<>();
  final List<InternalErrors.Report> log = new CopyOnWriteArrayList<>();
  final InternalErrors errors = new InternalErrors(() -> 0, log::add);
  final SteppedLoop loop = new SteppedLoop(errors);
  final Map<DeviceId, RecordingDevice> made = new HashMap<>();
  final AtomicInteger factoryFailures = new AtomicInteger();

  /// What the bus has told the log.
  final List<LogRecord> told = new CopyOnWriteArrayList<>();

  final Handler keeper = keeper(told);
  boolean refuseConnect;
  String throwsIn = "";

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

  /// A store that refuses the first watch of a path.
  static XenStore refusingOnce(XenStore store, String path, AtomicInteger refusals) {
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

  static Object invoke(XenStore store, Method method, Object[] arguments) throws Throwable {
    try {
      return method.invoke(store, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  static Handler keeper(List<LogRecord> told) {
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

  static String text(LogRecord line) {
    return MessageFormat.format(line.getMessage(), line.getParameters());
  }

  BackendBus startBus() throws IOException {
    return startBus(client("dom0", loop::execute));
  }

  BackendBus startBus(XenStore store) throws StoreException {
    return startBus(store, List.of(vif()));
  }

  BackendBus startBus(List<DeviceClass> classes) throws IOException {
    return startBus(client("dom0", loop::execute), classes);
  }

  private BackendBus startBus(XenStore store, List<DeviceClass> classes) throws StoreException {
    BackendBus bus = new BackendBus(store, loop, 0, classes);
    bus.start();
    return bus;
  }

  /// A class as NetBackend's, of devices that only write down what is asked of them.
  DeviceClass vif() {
    return vif(true);
  }

  DeviceClass vif(boolean hasHotplugNodes) {
    return new DeviceClass(
        "vif",
        this::make,
        DeviceStates.USUAL,
        hasHotplugNodes,
        Optional.of(new KernelDriver("vif", "xen-netback")),
        BOUNDS);
  }

  RecordingDevice make(BackendDevice device) throws DeviceException {
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
  }

  /// As libxl does: both directories at once, the frontend's being the guest's own.
  static void createDevice(XenStore toolstack, String backendState, String frontendState)
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

  static void createFrontend(XenStore toolstack, String state) throws StoreException {
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

  XenStore connectedGuest(XenStore toolstack) throws Exception {
    createDevice(toolstack, "1", "1");
    startBus();
    XenStore guest = client("guest", Runnable::run);
    await(() -> state(guest).equals("2"));
    guest.write(FRONT + "/state", "4");
    await(() -> state(guest).equals("4"));
    return guest;
  }

  StoreClient client(String socket, Executor watchers) throws IOException {
    StoreClient client =
        StoreClient.start(
            UnixStoreTransport.connect(netty, dir.resolve(socket)),
            "/local/domain/" + (socket.equals("guest") ? GUEST : 0),
            watchers,
            errors);
    clients.add(client);
    return client;
  }

  static String state(XenStore store) throws StoreException {
    return store.read(BACK + "/state").orElse("gone");
  }

  static DeviceId id() {
    return new DeviceId("vif", GUEST, 0);
  }

  RecordingDevice device() {
    return Optional.ofNullable(made.get(id())).orElseThrow();
  }

  /// Steps the bus until something holds.
  void await(Condition condition) throws StoreException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.holds()) {
      assertThat(System.nanoTime() - deadline).isNegative();
      if (!loop.step()) {
        LockSupport.parkNanos(100_000);
      }
    }
  }

  static void awaitPlain(Condition condition) throws StoreException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.holds()) {
      assertThat(System.nanoTime() - deadline).isNegative();
      LockSupport.parkNanos(100_000);
    }
  }

  /// Lets every event that is on its way arrive: what a later round trip's event has overtaken does
  /// not exist, since xenstored sends a connection's events in order.
  void settle() throws StoreException {
    for (int i = 0; i < 3; i++) {
      for (StoreClient client : clients) {
        client.read(BACK + "/state");
      }
      loop.runReady();
    }
  }
}
