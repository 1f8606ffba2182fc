package org.netback.daemon;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.netback.console.Access;
import org.netback.console.ConsoleSettings;
import org.netback.console.ConsoleStatistics;
import org.netback.console.Consoles;
import org.netback.console.GuestConsole;
import org.netback.daemon.config.Configuration;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.ConsoleSection;
import org.netback.daemon.config.ConsoleSection.ConsoleChoice;
import org.netback.daemon.control.Reply;
import org.netback.daemon.control.RequestException;
import org.netback.daemon.control.Routes;
import org.netback.loop.EventLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceId;
import org.netback.xen.ground.Backend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The guests' consoles.
final class ConsoleService implements DeviceService {
  private static final Logger LOG = LoggerFactory.getLogger(ConsoleService.class);
  private static final long PATIENCE_SECONDS = 5;

  /// What a client asks for to have a console's octets both ways.
  private static final String PROTOCOL = "netback-console";

  private final Consoles consoles;
  private final NettyLoop loop;
  private final boolean onBus;

  /// @param bus the bus's loop
  ConsoleService(Configuration configuration, Backend backend, EventLoop bus) {
    boolean besideOthers = configuration.ground() instanceof Dom0Choice;
    ConsoleChoice choice = configuration.devices().get(ConsoleSection.SECTION);
    this.onBus = choice.devices().orElse(!besideOthers);
    this.loop = NettyLoop.start("consoles", 0, bus.errors());
    this.consoles =
        new Consoles(
            backend.store(),
            bus,
            backend.guests(),
            loop,
            settings(choice, besideOthers),
            choice
                .sockets()
                .<Access>map(directory -> new ConsoleSockets(directory, bus, loop))
                .orElse(Access.NONE));
  }

  private static ConsoleSettings settings(ConsoleChoice choice, boolean besideXenconsoled) {
    return new ConsoleSettings(
        choice.primary().orElse(besideXenconsoled ? Set.of() : Set.of("*")),
        choice.overflow(),
        choice.events(),
        choice.scrollback(),
        choice.pty(),
        choice.tellsConnection(),
        choice.log());
  }

  @Override
  public DeviceClass deviceClass() {
    return consoles.deviceClass();
  }

  /// On a Xen host QEMU serves consoles 1 to N, unless it was said that we do.
  @Override
  public boolean isOnBus() {
    return onBus;
  }

  @Override
  public boolean serves(DeviceId id) {
    return consoles.serves(id);
  }

  @Override
  public void start() throws IOException {
    consoles.start();
  }

  @Override
  public void close() {
    try {
      consoles.close().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("not every console could be closed: {}", e.toString());
    } finally {
      loop.close();
      if (!consoles.finishLogs()) {
        LOG.warn("not every console's log could be written: a disk hangs");
      }
    }
  }

  @Override
  public void addRoutes(Routes routes, Devices devices) {
    routes
        .add("GET", "/consoles", (path, body) -> Reply.ok(list()))
        .add("GET", "/consoles/*/past", (path, body) -> past(path.getFirst()))
        .add("POST", "/consoles/*/input", (path, body) -> send(path.getFirst(), body))
        .add("GET", "/consoles/*/attach", (path, body) -> attach(path.getFirst(), true))
        .add("GET", "/consoles/*/follow", (path, body) -> follow(path.getFirst()))
        .add("GET", "/consoles/*/look", (path, body) -> attach(path.getFirst(), false))
        .add("POST", "/consoles/reopen-logs", (path, body) -> reopened());
  }

  private List<Map<String, Object>> list() {
    return consoles.statistics().stream().map(ConsoleService::view).toList();
  }

  private static Map<String, Object> view(ConsoleStatistics console) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", console.name());
    view.put("domid", console.domid());
    view.put("number", console.number());
    view.put("guest", console.guest());
    view.put("tty", console.tty());
    view.put("writer", console.writer());
    view.put("viewers", console.viewers());
    view.put("fromGuest", console.fromGuest());
    view.put("toGuest", console.toGuest());
    view.put("held", console.held());
    view.put("logLost", console.logLost());
    return view;
  }

  private GuestConsole find(String name) throws RequestException {
    return consoles
        .find(name)
        .orElseThrow(
            () ->
                new RequestException(
                    404,
                    "there is no console "
                        + name
                        + "; there are "
                        + RequestBody.names(
                            consoles.statistics().stream().map(ConsoleService::nameOf).toList())));
  }

  /// By which it is found, the guest's name first if it has one.
  private static String nameOf(ConsoleStatistics console) {
    if (console.guest().isEmpty()) {
      return console.name();
    }
    String number = console.number() == 0 ? "" : "/" + console.number();
    return console.guest() + number + " (" + console.name() + ")";
  }

  /// What is no UTF-8, as a character that the beginning cuts, becomes the replacement character.
  private Reply past(String name) throws RequestException {
    return Reply.ok(Map.of("past", new String(find(name).past(), StandardCharsets.UTF_8)));
  }

  private Reply follow(String name) throws RequestException {
    return Reply.stream("text/plain", ConsoleClient.ofText(find(name)));
  }

  private Reply send(String name, String text) throws RequestException {
    byte[] octets = text.getBytes(StandardCharsets.UTF_8);
    if (!find(name).send(octets)) {
      throw new RequestException(
          409, name + " does not take what was sent before: try again, or send less at once");
    }
    return Reply.ok(Map.of("sent", octets.length));
  }

  private Reply attach(String name, boolean writes) throws RequestException {
    return Reply.upgrade(PROTOCOL, ConsoleClient.ofOctets(find(name), writes));
  }

  @Override
  public void reopenLogs() {
    consoles.reopenLogs();
  }

  private Reply reopened() {
    reopenLogs();
    return Reply.ok(Map.of("reopened", consoles.statistics().size()));
  }

  @Override
  public List<Metered<?>> meters() {
    return List.of();
  }

  @Override
  public Map<String, Object> status(Devices devices) {
    return Map.of("consoles", consoles.statistics().size());
  }
}
