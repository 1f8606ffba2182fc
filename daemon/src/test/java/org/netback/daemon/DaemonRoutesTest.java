package org.netback.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.netback.client.ControlClient;
import org.netback.client.Version;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.ConfigurationFile;
import org.netback.daemon.config.Sections;
import org.netback.daemon.config.VifSection;
import org.netback.daemon.config.VifSection.VifChoice;
import org.netback.daemon.control.ControlServer;
import org.netback.daemon.control.Routes;
import org.netback.loop.Closing;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.netif.NetBackend;
import org.netback.netif.NetworkPolicy;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.Switch;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.bus.DeviceStates;
import org.netback.xen.bus.KeyBounds;
import org.netback.xen.embedded.EmbeddedGround;
import org.netback.xen.embedded.GuestDomain;
import org.netback.xen.embedded.toolstack.GuestSpec;
import org.netback.xen.ground.Backend;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// The control API over a store that fails or has changed, and a bus that has not noticed yet.
@Timeout(60)
class DaemonRoutesTest {
  private static final String NETWORK = "lan";

  private final NettyLoop loop = NettyLoop.start("loop");
  private final InternalErrors errors = new InternalErrors(System::nanoTime);
  private final Switch vswitch = new Switch(MacLimits.DEFAULT, System::nanoTime);
  private final List<AutoCloseable> open = new ArrayList<>();
  private String directory = "";
  private String refusedKey = "";

  @TempDir private Path run = Path.of("/");
  private XenStore store;
  private ControlClient control;
  private DeviceService service;

  /// A device of a guest's that is served, on a bus that looks at nothing.
  @BeforeEach
  void start() throws Exception {
    open.add(loop);
    EmbeddedGround ground = EmbeddedGround.open(run);
    open.add(ground);
    Backend backend = ground.backend();
    open.add(backend);
    GuestDomain guest = ground.createDomain(GuestSpec.of("guest", NETWORK));
    open.add(guest);
    store = backend.store();
    directory = "/local/domain/0/backend/vif/" + guest.domid() + "/0";
    NetBackend vifs =
        new NetBackend(
            vswitch, NetworkPolicy.OPEN, backend.guests(), List.of(loop), 1, Runnable::run);
    DeviceId id = new DeviceId(NetBackend.TYPE, guest.domid(), 0);
    vifs.create(
        new BackendDevice(
            id,
            refusing(store),
            backend.domid(),
            guest.frontendPath("vif", 0),
            vifs.deviceClass().bounds(),
            _ -> {}));
    Configuration configuration =
        new Configuration(
            new EmbeddedChoice(run, false),
            run.resolve("control.sock"),
            1,
            ConfigurationFile.DEFAULT_LINGER_MICROS,
            Sections.DEFAULTS.with(VifSection.SECTION, new VifChoice(1)),
            List.of(new NetworkChoice(NETWORK, 1024, Duration.ofMinutes(5), 64, List.of())),
            List.of());
    service = new VifService(vifs);
    Events events = new Events(Clock.systemUTC());
    Routes routes = new Routes();
    new DaemonRoutes(
            configuration,
            List.of(service),
            new BackendBus(store, loop, backend.domid(), List.of(vifs.deviceClass())),
            refusing(store),
            vswitch,
            new Taps(vswitch, List.of(loop), events, errors),
            new Metrics(errors, service.meters()),
            events,
            new CompletableFuture<>())
        .addTo(routes);
    open.add(ControlServer.listen(configuration.controlSocket(), routes, errors));
    control = new ControlClient(configuration.controlSocket());
  }

  @AfterEach
  void close() {
    Closing.each(open.reversed(), DaemonRoutesTest::close);
    assertThat(errors.count()).isZero();
  }

  private static void close(AutoCloseable part) {
    try {
      part.close();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /// Refuses to write one key, in a transaction too.
  private XenStore refusing(XenStore of) {
    return (XenStore)
        Proxy.newProxyInstance(
            XenStore.class.getClassLoader(),
            new Class<?>[] {XenStore.class},
            (_, method, arguments) -> {
              if (method.getName().equals("transaction")) {
                XenStore.Transaction<?> body = (XenStore.Transaction<?>) arguments[0];
                return of.transaction(within -> body.run(refusing(within)));
              }
              if (method.getName().equals("write") && arguments[0].equals(refusedKey)) {
                throw new StoreException("WRITE", refusedKey, "EIO");
              }
              try {
                return method.invoke(of, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private ControlClient.Response changeRates() throws IOException {
    String vif = directory.replaceAll(".*/vif/([0-9]+)/0", "vif$1.0");
    return control.request(
        "PUT", "/vifs/" + vif + "/rate", "{\"fromGuest\": \"10Mb/s\", \"toGuest\": \"20Mb/s\"}");
  }

  @Test
  void bothRatesOfAVifAreWritten() throws Exception {
    assertThat(changeRates().status()).isEqualTo(200);
    assertThat(store.read(directory + "/rate")).contains("62500,50000");
    assertThat(store.read(directory + "/rate-to-guest")).contains("125000,50000");
  }

  @Test
  void noRateOfAVifIsWrittenWhereOneIsRefused() throws Exception {
    refusedKey = directory + "/rate-to-guest";
    assertThat(changeRates())
        .isEqualTo(
            new ControlClient.Response(
                503, "{\n  \"error\" : \"xenstore: WRITE " + refusedKey + ": EIO\"\n}\n"));
    assertThat(store.read(directory + "/rate")).isEmpty();
  }

  @Test
  void aDirectoryThatHasGoneIsNotMadeAgain() throws Exception {
    store.remove(directory);
    ControlClient.Response gone = changeRates();
    assertThat(gone.status()).isEqualTo(404);
    assertThat(gone.body()).contains("there is no vif");
    assertThat(store.directory(directory)).isEmpty();
  }

  @Test
  void statusTellsTheProgramsVersion() throws Exception {
    assertThat(control.request("GET", "/status", "").body())
        .startsWith("{\n  \"version\" : \"" + Version.current() + "\",\n  \"pid\" : ");
  }

  @Test
  void aDeviceOfAnotherClassIsNoVif() throws Exception {
    BackendBus bus =
        new BackendBus(
            store,
            loop,
            0,
            List.of(
                new DeviceClass(
                    "toy",
                    device -> {
                      throw new DeviceException("there are no toys");
                    },
                    DeviceStates.USUAL,
                    false,
                    Optional.empty(),
                    new KeyBounds(9, 0, 0))));
    String toy = "/local/domain/0/backend/toy/1/0";
    store.write(toy + "/frontend", "/local/domain/1/device/toy/0");
    store.write(toy + "/frontend-id", "1");
    store.write(toy + "/state", "1");
    bus.start();
    while (bus.devices().isEmpty()) {
      Thread.onSpinWait();
    }
    Devices vifs = new Devices(service.deviceClass().type(), bus, store);
    assertThat(vifs.list()).isEmpty();
    assertThat(vifs.find("toy1.0")).isEmpty();
    assertThat(service.status(vifs)).isEqualTo(Map.of("vifs", 0, "connectedVifs", 0L));
    assertThat(new Devices("toy", bus, store).names()).containsExactly("toy1.0");
    bus.abandon().toCompletableFuture().join();
  }
}
