package org.netback.daemon;

import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.netback.capture.PortFacts;
import org.netback.client.Version;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.daemon.config.VifSection;
import org.netback.daemon.control.ControlServer;
import org.netback.daemon.control.Routes;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.loop.netty.NettyLoop;
import org.netback.netif.NetBackend;
import org.netback.netif.NetworkPolicy;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.MulticastPolicy;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.BackendBus;
import org.netback.xen.ground.Backend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The daemon: ground, bus, vifs, switch, taps and control API, put together. Threads: one per
/// loop, one for the bus, which may wait for the store, one for writes to the store that a loop has
/// no time for, the control API's, and the ground's own.
public final class Daemon implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Daemon.class);
  private static final long CLOSE_PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final long HOUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Configuration configuration;
  private final Ground ground;
  private final List<NettyLoop> loops;
  private final NettyLoop busLoop;
  private final ExecutorService storeWriter;
  private final BackendBus bus;
  private final List<DeviceService> services;
  private final Taps taps;
  private final Optional<ControlServer> control;
  private final CompletableFuture<Ending> stopping;
  private boolean closed;

  private Daemon(
      Configuration configuration,
      Ground ground,
      List<NettyLoop> loops,
      NettyLoop busLoop,
      ExecutorService storeWriter,
      BackendBus bus,
      List<DeviceService> services,
      Taps taps,
      Optional<ControlServer> control,
      CompletableFuture<Ending> stopping) {
    this.configuration = configuration;
    this.ground = ground;
    this.loops = loops;
    this.busLoop = busLoop;
    this.storeWriter = storeWriter;
    this.bus = bus;
    this.services = services;
    this.taps = taps;
    this.control = control;
    this.stopping = stopping;
  }

  /// Starts everything, with errors of its own that go to the log.
  public static Daemon start(Configuration configuration) throws IOException {
    return start(configuration, new InternalErrors(System::nanoTime));
  }

  /// Starts everything; guests that are there already are connected.
  ///
  /// @param errors where every part records what escapes a callback
  /// @throws IOException what the operating system refused, or another daemon holds; nothing stays
  ///   behind
  public static Daemon start(Configuration configuration, InternalErrors errors)
      throws IOException {
    // In reverse order this is what has to be undone when a later step fails.
    List<AutoCloseable> undo = new ArrayList<>();
    try {
      Ground ground = Ground.open(configuration.ground(), errors);
      undo.add(ground);
      Switch vswitch = networks(configuration, errors);
      List<NettyLoop> loops = new ArrayList<>();
      for (int i = 0; i < configuration.loops(); i++) {
        NettyLoop loop =
            NettyLoop.start(
                "loop-" + i, TimeUnit.MICROSECONDS.toNanos(configuration.lingerMicros()), errors);
        undo.add(loop);
        loops.add(loop);
      }
      NettyLoop busLoop = NettyLoop.start("bus", 0, errors);
      undo.add(busLoop);
      ExecutorService storeWriter =
          Executors.newSingleThreadExecutor(
              Thread.ofPlatform()
                  .daemon()
                  .name("store-writer")
                  .uncaughtExceptionHandler(errors::uncaught)
                  .factory());
      undo.add(storeWriter::shutdownNow);
      // The device classes: a new one is one line here.
      List<DeviceService> services =
          List.of(
              vifs(configuration, ground.backend(), vswitch, loops, storeWriter),
              new ConsoleService(configuration, ground.backend(), busLoop));
      services.forEach(service -> undo.add(service::close));
      BackendBus bus =
          new BackendBus(
              ground.backend().store(),
              busLoop,
              ground.backend().domid(),
              services.stream()
                  .filter(DeviceService::isOnBus)
                  .map(DeviceService::deviceClass)
                  .toList(),
              ground::kernelOwner);
      Events events = new Events(Clock.systemUTC());
      vswitch.onNameFreed(bus::reconsider);
      Taps taps = new Taps(vswitch, loops, events, errors);
      undo.add(taps);
      for (TapChoice tap : configuration.taps()) {
        taps.add(tap);
      }
      StaticEntries staticEntries = new StaticEntries(vswitch, configuration.networks());
      CompletableFuture<Ending> stopping = new CompletableFuture<>();
      ControlServer control =
          ControlServer.listen(
              configuration.controlSocket(),
              routes(
                  new DaemonRoutes(
                      configuration,
                      services,
                      bus,
                      ground.backend().store(),
                      vswitch,
                      taps,
                      new Metrics(errors, meters(vswitch, services)),
                      events,
                      stopping),
                  new SwitchRoutes(vswitch, taps, staticEntries),
                  new TapRoutes(vswitch, taps),
                  new CaptureRoutes(
                      vswitch, configuration.loops() + 1, errors, port -> facts(services, port))),
              errors);
      undo.add(control);
      bus.start();
      for (DeviceService service : services) {
        service.start();
      }
      Daemon daemon =
          new Daemon(
              configuration,
              ground,
              List.copyOf(loops),
              busLoop,
              storeWriter,
              bus,
              services,
              taps,
              Optional.of(control),
              stopping);
      // On the bus's loop, since it walks whole tables, which no frame should wait for.
      busLoop.repeat(HOUSE_NANOS, vswitch::age);
      busLoop.repeat(HOUSE_NANOS, staticEntries::enter);
      busLoop.repeat(HOUSE_NANOS, taps::followMtus);
      busLoop.repeat(HOUSE_NANOS, errors::tellWithheld);
      busLoop.repeat(HOUSE_NANOS, new DeviceChanges(bus::devices, services, events)::look);
      LOG.info(
          "netback {}, ground {}, control {}, {} networks, {} taps",
          Version.current(),
          configuration.ground().description(),
          configuration.controlSocket(),
          configuration.networks().size(),
          configuration.taps().size());
      return daemon;
    } catch (Throwable e) {
      for (AutoCloseable part : undo.reversed()) {
        closeQuietly(part);
      }
      throw e;
    }
  }

  private static DeviceService vifs(
      Configuration configuration,
      Backend backend,
      Switch vswitch,
      List<NettyLoop> loops,
      Executor storeWriter) {
    return new VifService(
        new NetBackend(
            vswitch,
            policy(configuration),
            backend.guests(),
            List.<EventLoop>copyOf(loops),
            configuration.devices().get(VifSection.SECTION).maxQueues(),
            storeWriter));
  }

  private static PortFacts facts(List<DeviceService> services, SwitchPort port) {
    for (DeviceService service : services) {
      Optional<PortFacts> facts = service.facts(port);
      if (facts.isPresent()) {
        return facts.get();
      }
    }
    return new PortFacts("network " + port.network().name(), Optional.empty(), 0);
  }

  private static Routes routes(
      DaemonRoutes daemon, SwitchRoutes vswitch, TapRoutes taps, CaptureRoutes captures) {
    Routes routes = new Routes();
    captures.addTo(routes);
    daemon.addTo(routes);
    vswitch.addTo(routes);
    taps.addTo(routes);
    return routes;
  }

  private static List<Metered<?>> meters(Switch vswitch, List<DeviceService> services) {
    List<Metered<?>> kinds = new ArrayList<>(SwitchMeters.of(vswitch));
    services.forEach(service -> kinds.addAll(service.meters()));
    return kinds;
  }

  private static Switch networks(Configuration configuration, InternalErrors errors) {
    Switch vswitch =
        new Switch(MacLimits.DEFAULT, MulticastPolicy.DEFAULT, System::nanoTime, errors::record);
    for (NetworkChoice network : configuration.networks()) {
      vswitch.create(
          network.name(),
          new MacLimits(network.macTableSize(), network.macsPerPort(), network.ageing()),
          network.multicast());
    }
    return vswitch;
  }

  /// Where networks are configured, another name is a slip of the pen that is better refused than
  /// given a network of its own, in which the guest would be alone.
  private static NetworkPolicy policy(Configuration configuration) {
    return configuration.networks().isEmpty()
        ? NetworkPolicy.OPEN
        : new NetworkPolicy(configuration.networks().get(0).name(), false);
  }

  /// Completes with the reason when the ground has gone, which the daemon cannot live without.
  public CompletionStage<String> groundLost() {
    return ground.backend().lost();
  }

  /// Completes when somebody asks by the control API that the daemon end.
  public CompletionStage<Ending> stopping() {
    return stopping.minimalCompletionStage();
  }

  /// Has the files that guests' output goes to opened anew, after something else, such as
  /// logrotate, has moved them away. Any thread.
  public void reopenLogs() {
    services.forEach(DeviceService::reopenLogs);
    LOG.info("logs are opened anew");
  }

  public Configuration configuration() {
    return configuration;
  }

  /// The ground, for guests of this process, where it is the daemon's own.
  public Ground ground() {
    return ground;
  }

  /// Closes every device, as an orderly backend does: guests see Closing and then Closed. Then
  /// everything else in reverse order. Idempotent.
  @Override
  public void close() {
    close(Ending.CLOSE_DEVICES);
  }

  /// Ends the daemon. Idempotent.
  public synchronized void close(Ending ending) {
    if (closed) {
      return;
    }
    closed = true;
    control.ifPresent(Daemon::closeQuietly);
    try {
      CompletionStage<Void> ended =
          switch (ending) {
            case CLOSE_DEVICES -> bus.close(CLOSE_PATIENCE_NANOS);
            case KEEP_GUESTS -> bus.abandon();
          };
      ended.toCompletableFuture().get(2 * CLOSE_PATIENCE_NANOS, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("not every device could be closed: {}", e.toString());
    }
    services.forEach(service -> closeQuietly(service::close));
    closeQuietly(taps);
    storeWriter.shutdownNow();
    closeQuietly(busLoop);
    loops.forEach(Daemon::closeQuietly);
    closeQuietly(ground);
  }

  private static void closeQuietly(AutoCloseable part) {
    try {
      part.close();
    } catch (Throwable e) {
      LOG.warn("closing", e);
    }
  }
}
