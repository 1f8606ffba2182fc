package org.netback.xen.frontends;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.io.netif.CtrlResponse;
import org.netback.xen.io.netif.GrefEntry;
import org.netback.xen.io.netif.RxResponse;
import org.netback.xen.io.netif.TxRequest;
import org.netback.xen.ring.FrontRing;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// A guest's network device: the frontend of io/netif.h with the habits of Linux's xen-netfront.
///
/// It waits for the backend's InitWait, insists on `feature-rx-copy`, publishes rings, channels and
/// features in one transaction (flat keys for one queue, `queue-N/` for more), enters Connected,
/// kicks both channels and posts its rx buffers. When the backend closes it closes too; when the
/// backend is in InitWait again it negotiates from scratch, as after a resume. A backend that
/// restarts under live rings changes no state, so nothing is done.
///
/// Differences to Linux: for speed as a traffic generator, grants persist unless
/// [NetfrontOptions#persistentGrants] says otherwise, frames are always copied into pages of the
/// ring's own, and tx responses are collected lazily ([NetfrontTx]). And a device that its backend
/// has closed in order is offered anew (Initialising) after a second, where Linux leaves it Closed
/// until the driver is loaded again: so a backend that comes back finds its guests waiting.
///
/// The negotiation runs on the control loop and blocks it for the store's round trips, so that must
/// not be the loop that serves the store. Every queue runs on a loop of its own if wanted.
public final class Netfront {
  private static final int PAGE = 1;
  private static final int TX_SLOTS = 256;
  private static final int RX_SLOTS = 256;

  /// How long after a backend has closed the device it is offered anew.
  private static final long REOPEN_NANOS = 1_000_000_000;

  private enum Phase {
    NEW,
    OPEN,
    /// Waits for the backend to close too.
    CLOSING,
    CLOSED
  }

  /// What one connection holds of the ground's.
  private record Connection(
      NetfrontFeatures features,
      List<NetfrontQueue.Rings> rings,
      List<EventChannel> channels,
      List<GuestPages> pages,
      Optional<CtrlFront> control) {}

  private final String path;
  private final GuestMemory memory;
  private final EventChannels events;
  private final XenStore store;
  private final EventLoop control;
  private final NetfrontOptions options;
  private final NetfrontListener listener;
  private final List<NetfrontQueue> queues;
  private final int ringStart;
  private final CompletableFuture<Void> closed = new CompletableFuture<>();

  // Confined to the control loop.
  private final List<GuestPages> lingering = new ArrayList<>();
  private Phase phase = Phase.NEW;
  private XenbusState own = XenbusState.UNKNOWN;
  private XenbusState backend = XenbusState.UNKNOWN;
  private Optional<Connection> connection = Optional.empty();
  private Optional<XenStore.Watch> watch = Optional.empty();
  private String backendPath = "";
  private int backendDomid;
  private Optional<EventLoop.Timer> reopening = Optional.empty();
  private int stopping;

  /// The backend's error when this connection was begun, of an earlier one.
  private String oldError = "";

  private boolean wanted;

  /// Read by any thread.
  private volatile Optional<CtrlFront> ctrl = Optional.empty();

  /// @param path the frontend's directory: `/local/domain/3/device/vif/0`
  /// @param queueLoops queue i runs on loop i, modulo their number
  public Netfront(
      String path,
      GuestMemory memory,
      EventChannels events,
      XenStore store,
      EventLoop control,
      List<? extends EventLoop> queueLoops,
      NetfrontOptions options,
      FrameSink sink,
      NetfrontListener listener) {
    this(path, memory, events, store, control, queueLoops, options, sink, listener, 0);
  }

  /// @param ringStart index that the rings start at, so that tests reach 2^32 soon
  Netfront(
      String path,
      GuestMemory memory,
      EventChannels events,
      XenStore store,
      EventLoop control,
      List<? extends EventLoop> queueLoops,
      NetfrontOptions options,
      FrameSink sink,
      NetfrontListener listener,
      int ringStart) {
    this.path = path;
    this.memory = memory;
    this.events = events;
    this.store = store;
    this.control = control;
    this.options = options;
    this.listener = listener;
    this.ringStart = ringStart;
    List<NetfrontQueue> made = new ArrayList<>();
    for (int i = 0; i < options.queues(); i++) {
      made.add(new NetfrontQueue(i, queueLoops.get(i % queueLoops.size()), sink));
    }
    this.queues = List.copyOf(made);
  }

  /// As many as were asked for; those beyond what the backend offers stay disconnected.
  public List<NetfrontQueue> queues() {
    return queues;
  }

  /// The control ring of the connection that there is, if one was wanted and the backend has it.
  /// Any thread.
  public Optional<CtrlFront> control() {
    return ctrl;
  }

  /// Begins to wait for the backend. Any thread; returns at once.
  public void start() {
    control.execute(this::open);
  }

  /// Asks the backend to send only those groups that the guest has listed
  /// ([NetfrontQueue#changeMulticast]), or all of them again (`request-multicast-control`). Any
  /// thread, at any time, before [#start] too: the key stays in the store.
  public void requestMulticastControl(boolean whether) {
    control.execute(
        () -> {
          try {
            store.write(path + "/request-multicast-control", whether ? "1" : "0");
          } catch (StoreException e) {
            fail(message(e));
          }
        });
  }

  /// Closes the device in step with the backend: Closing, and Closed when the backend is. Any
  /// thread.
  ///
  /// @return completes on the control loop when the backend has closed and all pages are free;
  ///   never if there is no backend any more: then use [#abandon()]
  public CompletableFuture<Void> shutDown() {
    control.execute(
        () -> {
          if (phase == Phase.OPEN) {
            phase = Phase.CLOSING;
            write(XenbusState.CLOSING);
            stopQueues();
            settle();
          } else if (phase == Phase.NEW) {
            finish();
          }
        });
    return closed;
  }

  /// Lets go of everything without a word to the backend, as a crashed guest does. Any thread.
  ///
  /// @return completes on the control loop when nothing is in use any more
  public CompletableFuture<Void> abandon() {
    control.execute(
        () -> {
          if (phase != Phase.CLOSED) {
            phase = Phase.CLOSED;
            stopQueues();
            if (stopping == 0) {
              finish();
            }
          }
        });
    return closed;
  }

  private void open() {
    if (phase != Phase.NEW) {
      return;
    }
    phase = Phase.OPEN;
    try {
      backendPath = required(path + "/backend");
      backendDomid = number(required(path + "/backend-id"), path + "/backend-id");
      own = XenbusState.parse(store.read(path + "/state").orElse(""));
      if (own != XenbusState.INITIALISING) {
        // The device was in use before (a driver that is loaded again): begin anew.
        write(XenbusState.INITIALISING);
      }
      watch =
          Optional.of(
              store.watch(backendPath + "/state", p -> control.execute(this::backendChanged)));
    } catch (IOException e) {
      fail(message(e));
    }
  }

  private void backendChanged() {
    if (phase == Phase.CLOSED) {
      return;
    }
    XenbusState now;
    try {
      now = store.read(backendPath + "/state").map(XenbusState::parse).orElse(XenbusState.UNKNOWN);
    } catch (StoreException e) {
      fail(message(e));
      return;
    }
    // A backend that says InitWait once more has announced itself anew, and a frontend that could
    // do
    // nothing with the first announcement tries again, as Linux' does.
    boolean again =
        now == XenbusState.INIT_WAIT
            && own == XenbusState.INITIALISING
            && connection.isEmpty()
            && stopping == 0;
    if (now == backend && !again) {
      return;
    }
    backend = now;
    wanted = now == XenbusState.INIT_WAIT;
    if (now == XenbusState.CLOSING && phase == Phase.OPEN && connection.isPresent()) {
      said(errorPath())
          .filter(error -> !error.equals(oldError))
          .ifPresent(error -> listener.refused(withoutErrno(error)));
    }
    releaseLingering();
    if (now == XenbusState.CONNECTED && phase == Phase.OPEN) {
      connection.ifPresent(
          c -> {
            listener.connected(c.features);
            mapBuffers(c);
          });
    }
    settle();
  }

  /// Does what the two states ask for, as far as it can be done now. Called again when the
  /// backend's state changes and when the queues have stopped.
  private void settle() {
    if (stopping > 0) {
      return;
    }
    boolean backendClosed = backend == XenbusState.CLOSED || backend == XenbusState.UNKNOWN;
    boolean backendCloses = backendClosed || backend == XenbusState.CLOSING;
    switch (phase) {
      case NEW -> {}
      case OPEN -> {
        if (connection.isPresent() && (backendCloses || wanted)) {
          stopQueues();
        } else if (wanted) {
          wanted = false;
          connect();
        } else if (backendCloses && own == XenbusState.CONNECTED
            || backend == XenbusState.CLOSING && own != XenbusState.CLOSED) {
          write(XenbusState.CLOSED);
        }
        if (own == XenbusState.CLOSED && backend == XenbusState.CLOSED) {
          reopening.ifPresent(EventLoop.Timer::cancel);
          reopening = Optional.of(control.schedule(REOPEN_NANOS, this::reopen));
        }
      }
      case CLOSING -> {
        if (backendCloses && own != XenbusState.CLOSED) {
          write(XenbusState.CLOSED);
        }
        if (backendClosed) {
          finish();
        }
      }
      case CLOSED -> finish();
    }
  }

  private void reopen() {
    if (phase == Phase.OPEN && own == XenbusState.CLOSED && backend == XenbusState.CLOSED) {
      write(XenbusState.INITIALISING);
    }
  }

  private void connect() {
    if (own != XenbusState.INITIALISING) {
      write(XenbusState.INITIALISING);
    }
    List<EventChannel> channels = new ArrayList<>();
    List<GuestPages> pages = new ArrayList<>();
    try {
      if (!"1".equals(backendKey("feature-rx-copy").orElse(""))) {
        // Where the toolstack's script would say it. The status may be left over from a backend
        // before this one, but then this one has written its features.
        if (said(backendPath + "/hotplug-status").equals(Optional.of("error"))) {
          listener.refused(said(backendPath + "/hotplug-error").orElse("it does not say why"));
          return;
        }
        throw new IOException(backendPath + "/feature-rx-copy is not 1, no other way is known");
      }
      Connection made = allocate(negotiate(), channels, pages);
      oldError = said(errorPath()).orElse("");
      publish(made);
      connection = Optional.of(made);
      ctrl = made.control;
      write(XenbusState.CONNECTED);
      for (int i = 0; i < made.rings.size(); i++) {
        NetfrontQueue queue = queues.get(i);
        NetfrontQueue.Rings rings = made.rings.get(i);
        queue.loop().execute(() -> queue.start(rings));
      }
    } catch (IOException | IllegalStateException e) {
      channels.forEach(EventChannel::close);
      lingering.addAll(pages);
      releaseLingering();
      connection = Optional.empty();
      fail(message(e));
    }
  }

  /// What the backend has written somewhere, if it has and this guest may read it.
  private Optional<String> said(String node) {
    try {
      return store.read(node).filter(text -> !text.isEmpty());
    } catch (StoreException e) {
      return Optional.empty();
    }
  }

  /// Where xenbus drivers leave their errors. On a Xen host a guest may not read it.
  private String errorPath() {
    return backendPath.replaceFirst("/backend/", "/error/backend/") + "/error";
  }

  /// xenbus drivers begin with a number: `22 tx-ring-ref is missing`.
  private static String withoutErrno(String error) {
    return error.replaceFirst("^[0-9]+ ", "");
  }

  private NetfrontFeatures negotiate() throws IOException {
    int maxQueues = backendNumber("multi-queue-max-queues", 1);
    boolean scatterGather = options.scatterGather() && backendFlag("feature-sg");
    return new NetfrontFeatures(
        Math.clamp(maxQueues, 1, queues.size()),
        options.splitEventChannels() && backendFlag("feature-split-event-channels"),
        scatterGather,
        scatterGather && options.gsoTcpv4() && backendFlag("feature-gso-tcpv4"),
        scatterGather && options.gsoTcpv6() && backendFlag("feature-gso-tcpv6"),
        options.checksumIpv6() && backendFlag("feature-ipv6-csum-offload"));
  }

  /// @param channels filled as channels are made, so that the caller can close them on an exception
  /// @param pages likewise
  private Connection allocate(
      NetfrontFeatures features, List<EventChannel> channels, List<GuestPages> pages)
      throws IOException {
    List<NetfrontQueue.Rings> rings = new ArrayList<>();
    for (int i = 0; i < features.queues(); i++) {
      NetfrontQueue queue = queues.get(i);
      GuestPages txRing = allocate(PAGE, false, pages);
      GuestPages rxRing = allocate(PAGE, false, pages);
      GuestPages txPages = allocate(TX_SLOTS, true, pages);
      GuestPages rxPages = allocate(RX_SLOTS, false, pages);
      txRing.grantAll();
      rxRing.grantAll();
      EventChannel txChannel;
      EventChannel rxChannel;
      if (features.splitEventChannels()) {
        txChannel = events.allocate(backendDomid, queue.loop(), queue::onTxEvent);
        channels.add(txChannel);
        rxChannel = events.allocate(backendDomid, queue.loop(), queue::onRxEvent);
      } else {
        txChannel = events.allocate(backendDomid, queue.loop(), queue::onEvent);
        rxChannel = txChannel;
      }
      channels.add(rxChannel);
      rings.add(
          new NetfrontQueue.Rings(
              new NetfrontTx(
                  FrontRing.initialiseAt(txRing.page(0), TxRequest.SIZE, ringStart),
                  txPages,
                  txChannel,
                  options,
                  features,
                  queue.counters()),
              new NetfrontRx(
                  FrontRing.initialiseAt(rxRing.page(0), RxResponse.SIZE, ringStart),
                  rxPages,
                  rxChannel,
                  options,
                  queue.counters()),
              message -> control.execute(() -> broken(message))));
    }
    Optional<CtrlFront> ctrlFront = Optional.empty();
    if (options.controlRing() && backendFlag("feature-ctrl-ring")) {
      CtrlFront opened = CtrlFront.open(memory, events, backendDomid, control, ringStart);
      channels.add(opened.channel());
      pages.addAll(opened.pages());
      ctrlFront = Optional.of(opened);
    }
    return new Connection(features, rings, channels, pages, ctrlFront);
  }

  private GuestPages allocate(int count, boolean readOnly, List<GuestPages> into) {
    GuestPages made = GuestPages.allocate(memory, count, backendDomid, readOnly);
    into.add(made);
    return made;
  }

  /// Writes everything that the backend has to know, in one transaction.
  private void publish(Connection made) throws IOException {
    NetfrontFeatures features = made.features;
    boolean multiQueue = backendKey("multi-queue-max-queues").isPresent();
    store.transaction(
        t -> {
          // Keys of a connection before this one, which may have had other queues.
          for (String key : t.directory(path)) {
            if (key.startsWith("queue-")
                || key.startsWith("event-channel")
                || key.endsWith("-ring-ref")) {
              t.remove(path + '/' + key);
            }
          }
          if (multiQueue) {
            t.write(path + "/multi-queue-num-queues", Integer.toString(features.queues()));
          }
          for (int i = 0; i < features.queues(); i++) {
            String at = features.queues() == 1 ? path : path + "/queue-" + i;
            t.write(at + "/tx-ring-ref", gref(made.pages.get(4 * i)));
            t.write(at + "/rx-ring-ref", gref(made.pages.get(4 * i + 1)));
            if (features.splitEventChannels()) {
              t.write(at + "/event-channel-tx", port(made.channels.get(2 * i)));
              t.write(at + "/event-channel-rx", port(made.channels.get(2 * i + 1)));
            } else {
              t.write(at + "/event-channel", port(made.channels.get(i)));
            }
          }
          if (made.control.isPresent()) {
            CtrlFront control = made.control.get();
            t.write(path + "/ctrl-ring-ref", Integer.toUnsignedString(control.ringRef()));
            t.write(path + "/event-channel-ctrl", Integer.toString(control.port()));
          }
          t.write(path + "/request-rx-copy", "1");
          flag(t, "feature-rx-notify", options.rxNotify());
          flag(t, "feature-sg", options.scatterGather());
          flag(t, "feature-gso-tcpv4", options.gsoTcpv4());
          flag(t, "feature-gso-tcpv6", options.gsoTcpv6());
          flag(t, "feature-no-csum-offload", !options.checksumIpv4());
          flag(t, "feature-ipv6-csum-offload", options.checksumIpv6());
          return true;
        });
  }

  private void flag(XenStore t, String key, boolean on) throws StoreException {
    if (on) {
      t.write(path + '/' + key, "1");
    } else {
      t.remove(path + '/' + key);
    }
  }

  /// Has the backend map the buffers of every queue for good. What it refuses goes on as before.
  private void mapBuffers(Connection made) {
    if (!options.staticGrants() || made.control.isEmpty()) {
      return;
    }
    for (int i = 0; i < made.rings.size(); i++) {
      int queue = i;
      List<GrefEntry> entries = new ArrayList<>();
      addAll(made.pages.get(4 * i + 2), GrefEntry.READONLY, entries);
      addAll(made.pages.get(4 * i + 3), 0, entries);
      CompletableFuture<Void> _ =
          made.control
              .get()
              .addGrefs(i, entries)
              .thenAccept(
                  response ->
                      listener.buffersMapped(
                          queue, response.status() == CtrlResponse.STATUS_SUCCESS))
              .whenComplete(
                  (_, failure) -> {
                    if (failure != null) {
                      control.errors().record("device " + path, failure);
                    }
                  });
    }
  }

  private static void addAll(GuestPages pages, int flags, List<GrefEntry> to) {
    for (int i = 0; i < pages.count(); i++) {
      to.add(new GrefEntry(pages.grant(i), flags, 0));
    }
  }

  private static String gref(GuestPages ring) {
    return Integer.toUnsignedString(ring.grant(0));
  }

  private static String port(EventChannel channel) {
    return Integer.toString(channel.port());
  }

  private void broken(String message) {
    if (phase == Phase.OPEN && connection.isPresent()) {
      stopQueues();
      listener.failed(path + ": " + message);
    }
  }

  /// Takes the rings from the queues, and their pages when the queues have let go of them.
  private void stopQueues() {
    if (connection.isEmpty()) {
      return;
    }
    Connection old = connection.get();
    connection = Optional.empty();
    ctrl = Optional.empty();
    old.control.ifPresent(CtrlFront::close);
    stopping = old.rings.size();
    for (int i = 0; i < old.rings.size(); i++) {
      NetfrontQueue queue = queues.get(i);
      queue
          .loop()
          .execute(
              () -> {
                queue.stop();
                control.execute(() -> stopped(old));
              });
    }
  }

  private void stopped(Connection old) {
    if (--stopping == 0) {
      lingering.addAll(old.pages);
      releaseLingering();
      listener.disconnected();
      settle();
    }
  }

  /// Frees what the backend does not hold any more. What it still holds stays, as in Linux, until
  /// it is tried again at the next change of state.
  private void releaseLingering() {
    lingering.removeIf(GuestPages::release);
  }

  private void finish() {
    phase = Phase.CLOSED;
    reopening.ifPresent(EventLoop.Timer::cancel);
    watch.ifPresent(XenStore.Watch::close);
    watch = Optional.empty();
    releaseLingering();
    closed.complete(null);
  }

  private void write(XenbusState state) {
    own = state;
    try {
      store.write(path + "/state", state.text());
    } catch (StoreException e) {
      fail(message(e));
    }
  }

  private void fail(String message) {
    listener.failed(message);
  }

  private static String message(Exception e) {
    return Optional.ofNullable(e.getMessage()).orElse(e.toString());
  }

  private String required(String key) throws IOException {
    return store.read(key).orElseThrow(() -> new IOException(key + " is missing: no such device"));
  }

  private Optional<String> backendKey(String key) throws StoreException {
    return store.read(backendPath + '/' + key);
  }

  private boolean backendFlag(String key) throws IOException {
    return backendNumber(key, 0) != 0;
  }

  private int backendNumber(String key, int whenAbsent) throws IOException {
    Optional<String> text = backendKey(key);
    return text.isPresent() ? number(text.get(), backendPath + '/' + key) : whenAbsent;
  }

  private static int number(String text, String what) throws IOException {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IOException(what + " is not a number: \"" + text + '"', e);
    }
  }
}
