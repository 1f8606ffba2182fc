package org.netback.xen.bus;

import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.DeviceLifecycle.View;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// One device from its directory's appearance to its end: has its [DeviceBackend] made, looks where
/// both ends stand, and does what [DeviceLifecycle] says. Confined to the bus's loop, except
/// [#failLater] and [#status].
final class BusDevice {
  static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  /// The longest way through the states, from Connected over Closed to Connected again, has six
  /// steps; more means that something undoes them.
  private static final int MAX_STEPS = 16;

  /// What has become of a device that was looked at.
  enum Outcome {
    STAYS,
    /// The toolstack has removed its directory.
    VANISHED,
    /// It has closed, and the toolstack wants it gone.
    CLOSED,
    /// The toolstack has made a new device of the same name.
    MADE_ANEW
  }

  private final DeviceClass deviceClass;
  private final DeviceId id;
  private final int domid;
  private final XenStore store;
  private final EventLoop loop;
  private final BusLog log;
  private final Runnable mark;
  private final BackendDirectory directory;
  private final ErrorNode error;
  private final String frontendPath;
  private Optional<MadeBackend> backend = Optional.empty();
  private Optional<XenStore.Watch> frontendWatch = Optional.empty();
  private boolean introduced;

  /// By the factory, which is asked again at every look: the toolstack may have written another
  /// key, or what was in the way may have gone.
  private boolean refused;

  private boolean attached;
  private boolean lookScheduled;
  private final ConnectPace pace;
  private volatile Optional<DeviceStatus> status = Optional.empty();

  /// Counts connections, so that a failure that is reported late hits no later one.
  private final AtomicInteger connection = new AtomicInteger();

  private final AtomicInteger failedConnection = new AtomicInteger(-1);

  /// @param domid the backend's domain
  /// @param mark has the bus look at this device; any thread
  BusDevice(
      DeviceClass deviceClass,
      DeviceId id,
      int domid,
      String frontendPath,
      XenStore store,
      EventLoop loop,
      BusLog log,
      Runnable mark) {
    this.deviceClass = deviceClass;
    this.id = id;
    this.domid = domid;
    this.frontendPath = frontendPath;
    this.store = store;
    this.loop = loop;
    this.log = log;
    this.mark = mark;
    this.directory = new BackendDirectory(store, domid, id);
    this.error = new ErrorNode(store, domid, id);
    this.pace = new ConnectPace(RETRY_NANOS, loop.nanoTime());
  }

  DeviceId id() {
    return id;
  }

  /// How the device stood when it was last looked at; empty before the first time. Any thread.
  Optional<DeviceStatus> status() {
    return status;
  }

  boolean isRefused() {
    return refused;
  }

  /// Begins to serve the device. If this throws, it is half a device, to be forgotten.
  void begin(String frontendId) throws StoreException {
    if (!frontendId.equals(Integer.toString(id.domid()))
        || !frontendPath.startsWith(BackendDirectory.home(id.domid()) + '/')) {
      // A directory of another domain's could be pointed at to have its rings taken over. Nothing
      // below the path is read or watched.
      error.write("frontend " + frontendPath + " is not a directory of domain " + id.domid());
      return;
    }
    make();
    frontendWatch = Optional.of(store.watch(frontendPath + "/state", _ -> mark.run()));
    watchLiveKeys();
  }

  private void make() throws StoreException {
    BackendDevice device =
        new BackendDevice(id, store, domid, frontendPath, deviceClass.bounds(), this::failLater);
    try {
      backend = Optional.of(MadeBackend.make(deviceClass.factory(), device, log));
      refused = false;
      log.forgetRefusals(id);
    } catch (DeviceException e) {
      refused(String.valueOf(e.getMessage()));
    } catch (Throwable e) {
      log.bug(id, e);
      refused(internalError(e));
    }
  }

  private static String internalError(Throwable e) {
    return "internal error: " + e;
  }

  private void refused(String reason) throws StoreException {
    log.deviceRefused(id, reason);
    if (!refused || !error.text().equals(reason)) {
      error.write(reason);
    }
    refused = true;
  }

  /// Asks the factory once more if it has refused the device. What it makes begins from the start.
  void makeIfRefused() throws StoreException {
    if (!refused || !directory.isThere()) {
      return;
    }
    make();
    if (!refused) {
      try {
        error.remove();
        watchLiveKeys();
      } catch (Throwable e) {
        // Half a device would not hear of its live keys: it is made once more at the next look.
        refused = true;
        backend.ifPresent(MadeBackend::remove);
        backend = Optional.empty();
        throw e;
      }
      introduced = false;
    }
  }

  private void watchLiveKeys() throws StoreException {
    if (backend.isPresent()) {
      backend.get().watchLiveKeys(store, frontendPath, mark);
    }
  }

  /// Does one step after another until there is nothing to do.
  ///
  /// @param ending whether the bus is shutting down
  Outcome advance(boolean ending) throws StoreException {
    for (int i = 0; i < MAX_STEPS; i++) {
      View view = view(ending);
      if (!directory.isThere()) {
        return Outcome.VANISHED;
      }
      status =
          Optional.of(
              new DeviceStatus(id, view.backend(), view.frontend(), attached, error.text()));
      switch (DeviceLifecycle.next(view, deviceClass.states())) {
        case NOTHING -> {
          if (attached) {
            backend.orElseThrow().refresh();
          }
          return Outcome.STAYS;
        }
        case ANNOUNCE -> announce(view);
        case REFUSE -> refuse();
        case CONNECT -> {
          if (!pace.take(loop.nanoTime())) {
            lookAgainLater();
            return Outcome.STAYS;
          }
          connect(view);
        }
        case ENTER_CONNECTED -> enterConnected(view);
        case DISCONNECT -> disconnect();
        case ENTER_CLOSING -> enter(view.backend(), XenbusState.CLOSING);
        case ENTER_CLOSED -> enter(view.backend(), XenbusState.CLOSED);
        case REMOVE -> {
          return Outcome.CLOSED;
        }
        case RECREATE -> {
          return Outcome.MADE_ANEW;
        }
      }
    }
    log.restless(id);
    lookAgainLater();
    return Outcome.STAYS;
  }

  /// One timer at a time, however often the guest has the device looked at meanwhile.
  void lookAgainLater() {
    if (!lookScheduled) {
      lookScheduled = true;
      loop.schedule(
          RETRY_NANOS,
          () -> {
            lookScheduled = false;
            mark.run();
          });
    }
  }

  private View view(boolean ending) throws StoreException {
    XenbusState frontend =
        frontendWatch.isPresent()
            ? XenbusState.parse(store.read(frontendPath + "/state").orElse(""))
            : XenbusState.UNKNOWN;
    return new View(
        directory.state(),
        frontend,
        directory.isOnline(),
        introduced,
        attached,
        backend.isPresent(),
        ending);
  }

  private void announce(View view) throws StoreException {
    if (backend.orElseThrow().publishFeatures()) {
      enter(view.backend(), XenbusState.INIT_WAIT);
    }
  }

  /// Says why where the toolstack's script looks, which it runs at InitWait: without that the
  /// toolstack would wait until its patience is over, and then could not say what is wrong.
  private void refuse() throws StoreException {
    introduced = true;
    directory.refuse(deviceClass.hasHotplugNodes() ? Optional.of(error.text()) : Optional.empty());
  }

  private void enterConnected(View view) throws StoreException {
    if (deviceClass.hasHotplugNodes()) {
      directory.endHotplug();
    }
    enter(view.backend(), XenbusState.CONNECTED);
  }

  private void connect(View view) throws StoreException {
    introduced = true;
    connection.incrementAndGet();
    try {
      backend.orElseThrow().connect();
      attached = true;
    } catch (DeviceException e) {
      backend.orElseThrow().disconnect();
      fail(view.backend(), String.valueOf(e.getMessage()));
    } catch (StoreException e) {
      // A guest that writes its directory without pause can bring this about as often as it is
      // tried: not before the next look that nobody but the bus asks for.
      pace.pause(loop.nanoTime());
      backend.orElseThrow().disconnect();
      throw e;
    }
  }

  private void disconnect() {
    attached = false;
    backend.ifPresent(MadeBackend::disconnect);
  }

  private void enter(XenbusState from, XenbusState next) throws StoreException {
    introduced = true;
    directory.enter(from, next);
  }

  private void failLater(String message) {
    int failing = connection.get();
    if (failedConnection.getAndSet(failing) != failing) {
      loop.execute(
          () -> {
            // A device that is forgotten is not attached.
            if (attached && connection.get() == failing) {
              failQuietly(message);
              mark.run();
            }
          });
    }
  }

  /// Ends what the device does because of a bug.
  void failBecauseOf(Throwable bug) {
    failQuietly(internalError(bug));
  }

  private void failQuietly(String message) {
    // A backend that cannot even let go has its error told all the same.
    log.guard(id, this::disconnect);
    try {
      fail(directory.state(), message);
    } catch (StoreException e) {
      log.storeRefused("device " + id, e);
      lookAgainLater();
    } catch (Throwable e) {
      log.bug(id, e);
      lookAgainLater();
    }
  }

  /// Says why, and closes; Closed comes when the frontend has let go.
  private void fail(XenbusState from, String message) throws StoreException {
    error.write(message);
    switch (from) {
      case UNKNOWN, CLOSING, CLOSED -> {
        // There is nothing to close, or it is being done.
      }
      case INITIALISING, INIT_WAIT, INITIALISED, CONNECTED, RECONFIGURING, RECONFIGURED ->
          enter(from, XenbusState.CLOSING);
    }
  }

  /// The device's directory has gone: its error goes too.
  void removeError() throws StoreException {
    error.removeIfWritten();
  }

  /// Lets go of the device for good, without a word to its frontend.
  void forget() {
    frontendWatch.ifPresent(watch -> log.guard(id, watch::close));
    frontendWatch = Optional.empty();
    log.guard(id, this::disconnect);
    backend.ifPresent(MadeBackend::remove);
  }

  /// The end of the bus's patience.
  void closeNow() {
    log.guard(id, this::disconnect);
    try {
      XenbusState state = directory.state();
      if (!DeviceLifecycle.hasEnded(view(true))) {
        enter(state, XenbusState.CLOSING);
        enter(XenbusState.CLOSING, XenbusState.CLOSED);
      }
    } catch (StoreException e) {
      log.storeRefused("device " + id, e);
    } catch (Throwable e) {
      log.bug(id, e);
    }
  }

  /// Whether a bus that shuts down has nothing to wait for.
  boolean hasEnded() {
    try {
      return DeviceLifecycle.hasEnded(view(true));
    } catch (StoreException e) {
      return !attached;
    } catch (Throwable e) {
      log.bug(id, e);
      return !attached;
    }
  }
}
