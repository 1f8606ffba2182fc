package org.netback.console;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
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
/// A console whose ring the guest has broken is served no more until the nodes name another.
///
/// Confined to the bus's loop, except what the store's watch and a failure call.
final class PrimaryConsole {
  private static final Logger LOG = LoggerFactory.getLogger(PrimaryConsole.class);
  private static final String RING = "ring-ref";
  private static final String PORT = "port";

  /// Another process serves it: QEMU.
  private static final String IOEMU = "ioemu";

  private final int domid;
  private final String path;
  private final XenStore store;
  private final EventLoop bus;
  private final Consoles consoles;
  private Optional<XenStore.Watch> watch = Optional.empty();
  private Optional<OpenConsole> open = Optional.empty();

  /// By which nodes it was opened, or tried to be.
  private Map<String, String> tried = Map.of();

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
      watch = Optional.of(store.watch(path, _ -> execute(this::look)));
    } catch (StoreException e) {
      LOG.warn("{}: {}", owner(), e.getMessage());
      bus.schedule(Consoles.RETRY_NANOS, this::beginAgain);
    }
  }

  private void beginAgain() {
    if (!over && watch.isEmpty()) {
      begin();
    }
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
      if (nodes.equals(tried)) {
        return;
      }
      close();
      tried = nodes;
      if (nodes.containsKey(RING) && nodes.containsKey(PORT)) {
        connect(nodes);
      }
    } catch (StoreException e) {
      LOG.warn("{}: {}", owner(), e.getMessage());
      tried = Map.of();
      bus.schedule(Consoles.RETRY_NANOS, this::look);
    } catch (DeviceException e) {
      LOG.warn("{} is not served: {}", owner(), e.getMessage());
    } catch (Throwable e) {
      bus.errors().record(owner(), e);
    }
  }

  /// What decides where the console is and whose; none if it is not ours.
  private Map<String, String> read() throws StoreException {
    return store.transaction(
        within -> {
          Map<String, String> nodes = new HashMap<>();
          for (String key : new String[] {RING, PORT, "type"}) {
            within.read(path + '/' + key).ifPresent(value -> nodes.put(key, value));
          }
          return nodes;
        });
  }

  private void connect(Map<String, String> nodes) throws DeviceException, StoreException {
    String guest = consoles.guestName(domid);
    if (IOEMU.equals(nodes.get("type")) || !consoles.settings().servesPrimaryOf(guest)) {
      return;
    }
    Attachment attachment =
        new Attachment(
            owner(),
            domid,
            new FrontendKeys(path, nodes),
            consoles.guests(),
            consoles.loop().errors(),
            this::failed);
    try {
      OpenConsole console =
          OpenConsole.open(
              new ConsoleId(domid, 0),
              guest,
              attachment,
              attachment.reserved(ConsolePage.RESERVED_GREF, RING).memory(),
              PORT,
              Consoles.limit(store.read(path + "/limit")),
              consoles.settings(),
              consoles.loop());
      publishTty(console.tty());
      open = Optional.of(console);
      consoles.opened(console);
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

  private void failed(String reason) {
    LOG.warn("{} is served no more: {}", owner(), reason);
    execute(this::close);
  }

  private void close() {
    open.ifPresent(consoles::close);
    open = Optional.empty();
  }

  /// The domain has gone, or this process goes. Writes nothing to the store.
  void end() {
    over = true;
    Closing.all(() -> watch.ifPresent(XenStore.Watch::close), this::close);
    watch = Optional.empty();
  }
}
