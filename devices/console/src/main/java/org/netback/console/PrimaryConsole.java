package org.netback.console;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.Attachment;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.bus.FrontendKeys;
import org.netback.xen.io.console.ConsolePage;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A domain's primary console, which is no device on xenbus: the toolstack has made its page and
/// its port, and written both into `/local/domain/<domid>/console` (io/console.h; xen
/// docs/misc/console.txt). There are no states: it is served from when these nodes are there until
/// the domain goes.
///
/// A console whose ring the guest has broken is served no more until the nodes name another. One
/// that cannot be had, or that a fault of ours has ended, is tried again every ten seconds.
///
/// Confined to the bus's loop, except what the store's watch and a failure call.
final class PrimaryConsole {
  private static final Logger LOG = LoggerFactory.getLogger(PrimaryConsole.class);
  private static final String RING = "ring-ref";
  private static final String PORT = "port";
  private static final String NAME = "name";
  private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(10);

  /// Another process serves it: QEMU.
  private static final String IOEMU = "ioemu";

  private final int domid;
  private final String path;
  private final XenStore store;
  private final EventLoop bus;
  private final Consoles consoles;

  private final List<XenStore.Watch> watches = new ArrayList<>();
  private Optional<OpenConsole> open = Optional.empty();

  /// By which nodes it was opened, or tried to be.
  private Map<String, String> tried = Map.of();

  /// So that a failure that is told late hits no later connection.
  private int connections;

  /// Why it is not served, as it was logged.
  private String told = "";

  /// The next try, of a console that could not be had.
  private EventLoop.Timer again = () -> {};

  private boolean over;

  PrimaryConsole(int domid, XenStore store, EventLoop bus, Consoles consoles) {
    this.domid = domid;
    this.path = "/local/domain/" + domid + "/console";
    this.store = store;
    this.bus = bus;
    this.consoles = consoles;
  }

  private String owner() {
    return "console of domain " + domid;
  }

  /// Begins to look at the nodes.
  void begin() {
    try {
      watches.add(store.watch(path, _ -> execute(this::look)));
      // A guest that is migrated gets its name when it has arrived.
      watches.add(store.watch(namePath(), _ -> execute(this::look)));
    } catch (StoreException e) {
      LOG.warn("{}: {}", owner(), e.getMessage());
      bus.schedule(Consoles.RETRY_NANOS, this::beginAgain);
    }
  }

  private void beginAgain() {
    if (!over && watches.size() < 2) {
      watches.forEach(XenStore.Watch::close);
      watches.clear();
      begin();
    }
  }

  private String namePath() {
    return "/local/domain/" + domid + "/name";
  }

  private void execute(Runnable task) {
    try {
      bus.execute(task);
    } catch (RejectedExecutionException e) {
      // The bus has ended; the store did not know yet.
      return;
    }
  }

  private void look() {
    if (over) {
      return;
    }
    try {
      Map<String, String> nodes = read();
      if (nodes.equals(tried) || open.isPresent() && isSamePlace(nodes)) {
        return;
      }
      close();
      tried = nodes;
      if (nodes.containsKey(RING) && nodes.containsKey(PORT)) {
        connect(nodes);
      }
    } catch (StoreException e) {
      LOG.warn("{}: {}", owner(), e.getMessage());
      tryAgain(Consoles.RETRY_NANOS);
    } catch (DeviceException e) {
      String message = String.valueOf(e.getMessage());
      if (!message.equals(told)) {
        LOG.warn("{} is not served: {}", owner(), message);
        told = message;
      }
      tryAgain(AGAIN_NANOS);
    } catch (Throwable e) {
      bus.errors().record(owner(), e);
      tryAgain(AGAIN_NANOS);
    }
  }

  /// One try waits at a time, however often the nodes are looked at meanwhile.
  private void tryAgain(long nanos) {
    tried = Map.of();
    again.cancel();
    again = bus.schedule(nanos, this::look);
  }

  /// A new name changes nothing for a console that is open.
  private boolean isSamePlace(Map<String, String> nodes) {
    return Objects.equals(nodes.get(RING), tried.get(RING))
        && Objects.equals(nodes.get(PORT), tried.get(PORT));
  }

  /// What decides where the console is and whose; none if it is not ours.
  private Map<String, String> read() throws StoreException {
    return store.transaction(
        within -> {
          Map<String, String> nodes = new HashMap<>();
          for (String key : new String[] {RING, PORT, "type"}) {
            within.read(path + '/' + key).ifPresent(value -> nodes.put(key, value));
          }
          within.read(namePath()).ifPresent(value -> nodes.put(NAME, value));
          return nodes;
        });
  }

  private void connect(Map<String, String> nodes) throws DeviceException, StoreException {
    String guest = nodes.getOrDefault(NAME, "");
    if (IOEMU.equals(nodes.get("type")) || !consoles.settings().servesPrimaryOf(guest)) {
      return;
    }
    int connection = ++connections;
    Attachment attachment =
        new Attachment(
            owner(),
            domid,
            new FrontendKeys(path, nodes),
            consoles.guests(),
            consoles.loop().errors(),
            reason -> execute(() -> failed(connection, reason)));
    try {
      OpenConsole console =
          OpenConsole.open(
              new ConsoleId(domid, 0),
              guest,
              attachment,
              attachment.reserved(ConsolePage.RESERVED_GREF, RING).memory(),
              PORT,
              Consoles.limit(store.read(path + "/limit")),
              consoles);
      open = Optional.of(console);
      consoles.opened(console);
      publishTty(console.tty());
      attachment.start();
    } catch (Throwable e) {
      Closing.all(this::close, attachment::close);
      throw e;
    }
  }

  private void publishTty(String tty) throws StoreException {
    store.transaction(
        within -> {
          // The domain may be on its way out.
          if (within.read(path + '/' + PORT).isPresent()) {
            within.write(path + "/tty", tty);
          }
          return tty;
        });
  }

  private void failed(int connection, String reason) {
    if (connection != connections) {
      return;
    }
    LOG.warn("{} is served no more: {}", owner(), reason);
    close();
    if (reason.startsWith("internal error")) {
      tryAgain(AGAIN_NANOS);
    }
  }

  private void close() {
    open.ifPresent(consoles::close);
    open = Optional.empty();
  }

  /// The domain has gone, or this process goes. Writes nothing to the store.
  void end() {
    over = true;
    again.cancel();
    Closing.all(() -> Closing.each(watches, XenStore.Watch::close), this::close);
    watches.clear();
  }
}
