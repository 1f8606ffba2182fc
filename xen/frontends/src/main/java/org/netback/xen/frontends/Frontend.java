package org.netback.xen.frontends;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.event.EventChannels;
import org.netback.xen.frontends.FrontendLifecycle.Purpose;
import org.netback.xen.frontends.FrontendLifecycle.Rings;
import org.netback.xen.frontends.FrontendLifecycle.Step;
import org.netback.xen.frontends.FrontendLifecycle.View;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// A guest's end of one device on xenbus, whatever its class, with the habits of Linux's
/// xenbus_probe_frontend: it watches the backend's state, and does what [FrontendLifecycle] says.
/// What a class has of its own is in its [FrontendDriver].
///
/// It waits for the backend's InitWait, publishes the driver's rings in one transaction, and enters
/// the states. When the backend closes it closes too; when the backend is in InitWait again it
/// negotiates from scratch, as after a resume. A backend that restarts under live rings changes no
/// state, so nothing is done.
///
/// One difference to Linux: a device that its backend has closed in order is offered anew
/// (Initialising) after a second, where Linux leaves it Closed until the driver is loaded again: so
/// a backend that comes back finds its guests waiting.
///
/// Everything happens on the control loop and blocks it for the store's round trips, so that must
/// not be the loop that serves the store.
public final class Frontend {
  /// How long after a backend has closed the device it is offered anew.
  private static final long REOPEN_NANOS = 1_000_000_000;

  private final String path;
  private final GuestMemory memory;
  private final EventChannels events;
  private final XenStore store;
  private final EventLoop control;
  private final FrontendDriver driver;
  private final FrontendListener listener;
  private final CompletableFuture<Void> ended = new CompletableFuture<>();

  /// What the driver has made of an offer.
  private record Made(Offer offer, FrontendConnection connection) {}

  // Confined to the control loop.
  /// Connections that are over, of whose pages the backend still holds some.
  private final List<Offer> lingering = new ArrayList<>();

  private boolean begun;
  private View view = View.NONE;

  /// Present while rings are offered or in use.
  private Optional<Made> made = Optional.empty();

  private Optional<XenStore.Watch> watch = Optional.empty();
  private String backendPath = "";
  private int backendDomid;
  private Optional<EventLoop.Timer> reopening = Optional.empty();

  /// The backend's error when this connection was begun, of an earlier one.
  private String oldError = "";

  /// @param path the frontend's directory: `/local/domain/3/device/vif/0`
  public Frontend(
      String path,
      GuestMemory memory,
      EventChannels events,
      XenStore store,
      EventLoop control,
      FrontendDriver driver,
      FrontendListener listener) {
    this.path = path;
    this.memory = memory;
    this.events = events;
    this.store = store;
    this.control = control;
    this.driver = driver;
    this.listener = listener;
  }

  /// Begins to wait for the backend. Any thread; returns at once.
  public void start() {
    control.execute(this::begin);
  }

  /// Writes a key that the backend may watch while it is connected. Any thread, at any time, before
  /// [#start] too: the key stays in the store.
  ///
  /// @param key relative to the frontend's directory
  public void write(String key, String value) {
    control.execute(() -> put(key, value));
  }

  /// Closes the device in step with the backend: Closing, and Closed when the backend is. Any
  /// thread.
  ///
  /// @return completes on the control loop when the backend has closed and all pages are free;
  ///   never if there is no backend any more: whose patience is over uses [#abandon()]
  public CompletableFuture<Void> shutDown() {
    return endFor(Purpose.CLOSE);
  }

  /// Lets go of everything without a word to the backend, as a crashed guest does. Any thread.
  ///
  /// @return completes on the control loop when nothing is in use any more
  public CompletableFuture<Void> abandon() {
    return endFor(Purpose.ABANDON);
  }

  private CompletableFuture<Void> endFor(Purpose end) {
    control.execute(
        () -> {
          view = view.withPurpose(end);
          if (begun) {
            settle();
          } else {
            end();
          }
        });
    return ended;
  }

  private void begin() {
    if (begun || ended.isDone()) {
      return;
    }
    begun = true;
    try {
      backendPath = required("backend");
      backendDomid = BackendKeys.parse(required("backend-id"), path + "/backend-id");
      view = view.withOwn(XenbusState.parse(store.read(path + "/state").orElse("")));
      if (view.own() != XenbusState.INITIALISING) {
        // The device was in use before (a driver that is loaded again): begin anew.
        enter(XenbusState.INITIALISING);
      }
      watch =
          Optional.of(
              store.watch(backendPath + "/state", _ -> control.execute(this::backendChanged)));
    } catch (IOException e) {
      listener.failed(message(e));
    }
  }

  private String required(String key) throws IOException {
    String node = path + '/' + key;
    return store
        .read(node)
        .orElseThrow(() -> new IOException(node + " is missing: no such device"));
  }

  private void backendChanged() {
    if (ended.isDone() || view.purpose() == Purpose.ABANDON) {
      return;
    }
    View now;
    try {
      now = look();
    } catch (StoreException e) {
      listener.failed(message(e));
      return;
    }
    if (now.equals(view)) {
      return;
    }
    view = now;
    if (now.backend() == XenbusState.CLOSING
        && now.purpose() == Purpose.SERVE
        && made.isPresent()) {
      said(errorPath())
          .filter(error -> !error.equals(oldError))
          .ifPresent(error -> listener.refused(withoutErrno(error)));
    }
    releaseLingering();
    settle();
  }

  private View look() throws StoreException {
    return view.withBackend(
        store.read(backendPath + "/state").map(XenbusState::parse).orElse(XenbusState.UNKNOWN));
  }

  /// Does what the two states ask for, as far as it can be done now. Called again when the
  /// backend's state changes and when a driver has let go of its rings.
  private void settle() {
    while (true) {
      switch (FrontendLifecycle.next(view)) {
        case NOTHING -> {
          return;
        }
        case REOPEN -> {
          reopenLater();
          return;
        }
        case END -> {
          end();
          return;
        }
        case ENTER_INITIALISING -> beginAnew();
        case ENTER_CLOSING -> enter(XenbusState.CLOSING);
        case ENTER_CLOSED -> enter(XenbusState.CLOSED);
        case CONNECT -> connect();
        case ENTER_CONNECTED -> enterConnected();
        case DISCONNECT -> disconnect(Rings.NONE);
      }
    }
  }

  private void beginAnew() {
    enter(XenbusState.INITIALISING);
    try {
      view = look();
    } catch (StoreException e) {
      view = view.tried();
      listener.failed(message(e));
    }
  }

  private void reopenLater() {
    reopening.ifPresent(EventLoop.Timer::cancel);
    reopening = Optional.of(control.schedule(REOPEN_NANOS, this::reopen));
  }

  private void reopen() {
    if (FrontendLifecycle.next(view) == Step.REOPEN) {
      enter(XenbusState.INITIALISING);
    }
  }

  private void connect() {
    view = view.tried();
    BackendKeys keys = new BackendKeys(store, backendPath);
    Offer offer =
        new Offer(
            memory,
            events,
            backendDomid,
            (failing, message) -> control.execute(() -> fail(failing, message)));
    try {
      FrontendConnection connection = driver.connect(keys, offer);
      oldError = said(errorPath()).orElse("");
      publish(offer);
      made = Optional.of(new Made(offer, connection));
      view = view.withRings(Rings.OFFERED);
      enter(driver.whenPublished());
      published(offer, connection);
    } catch (MissingFeatureException e) {
      giveUp(offer);
      // Where the toolstack's script would say it. The status may be left over from a backend
      // before this one, but then this one has written its features.
      if (said(backendPath + "/hotplug-status").equals(Optional.of("error"))) {
        listener.refused(said(backendPath + "/hotplug-error").orElse("it does not say why"));
      } else {
        listener.failed(message(e));
      }
    } catch (IOException | IllegalStateException e) {
      giveUp(offer);
      listener.failed(message(e));
    } catch (RuntimeException | Error e) {
      control.errors().record(path, e);
      giveUp(offer);
      listener.failed("internal error: " + e);
    }
  }

  /// A driver that fails here may have begun with its rings: it has to let go of them.
  private void published(Offer offer, FrontendConnection connection) {
    try {
      connection.published();
    } catch (RuntimeException | Error e) {
      control.errors().record(path, e);
      fail(offer, "internal error: " + e);
    }
  }

  private void giveUp(Offer offer) {
    made = Optional.empty();
    view = view.withRings(Rings.GIVEN_UP);
    offer.closeChannels();
    lingering.add(offer);
    releaseLingering();
  }

  /// Writes everything that the backend has to know, in one transaction.
  private void publish(Offer offer) throws StoreException {
    boolean _ =
        store.transaction(
            within -> {
              // Keys of a connection before this one, which may have had other queues and rings.
              for (String key : within.directory(path)) {
                if (key.startsWith("queue-")
                    || key.startsWith("event-channel")
                    || key.contains("ring-ref")) {
                  within.remove(path + '/' + key);
                }
              }
              offer.writeTo(within, path);
              return true;
            });
  }

  private void enterConnected() {
    Made joined = made.orElseThrow();
    view = view.withRings(Rings.IN_USE);
    try {
      joined.connection.connected(new BackendKeys(store, backendPath));
    } catch (IOException e) {
      fail(joined.offer, message(e));
      return;
    } catch (RuntimeException | Error e) {
      control.errors().record(path, e);
      fail(joined.offer, "internal error: " + e);
      return;
    }
    if (view.own() != XenbusState.CONNECTED) {
      enter(XenbusState.CONNECTED);
    }
  }

  private void fail(Offer offer, String message) {
    if (view.purpose() == Purpose.SERVE && made.isPresent() && made.get().offer.equals(offer)) {
      disconnect(Rings.GIVEN_UP);
      listener.failed(path + ": " + message);
    }
  }

  /// @param afterwards what is said of the rings when they have been let go of
  private void disconnect(Rings afterwards) {
    Made old = made.orElseThrow();
    made = Optional.empty();
    view = view.withRings(Rings.LEAVING);
    old.connection.disconnect(() -> control.execute(() -> disconnected(old.offer, afterwards)));
  }

  private void disconnected(Offer offer, Rings afterwards) {
    view = view.withRings(afterwards);
    offer.closeChannels();
    lingering.add(offer);
    releaseLingering();
    listener.disconnected();
    settle();
  }

  /// Frees what the backend does not hold any more. What it still holds stays, as in Linux, until
  /// it is tried again at the next change of state.
  private void releaseLingering() {
    lingering.removeIf(Offer::release);
  }

  private void end() {
    reopening.ifPresent(EventLoop.Timer::cancel);
    watch.ifPresent(XenStore.Watch::close);
    watch = Optional.empty();
    releaseLingering();
    ended.complete(null);
  }

  private void enter(XenbusState state) {
    view = view.withOwn(state);
    put("state", state.text());
  }

  private void put(String key, String value) {
    try {
      store.write(path + '/' + key, value);
    } catch (StoreException e) {
      listener.failed(message(e));
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

  private static String message(Exception e) {
    return Optional.ofNullable(e.getMessage()).orElse(e.toString());
  }
}
