package org.netback.xen.bus;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.DeviceLifecycle.View;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// The backend's end of xenbus: finds the devices under `backend/<type>/<domid>/<handle>` of its
/// own domain, makes a [DeviceBackend] for each, and drives it through the states of io/xenbus.h as
/// [DeviceLifecycle] says.
///
/// Whatever changes in the store only marks a device; the bus then looks at where both ends stand
/// and acts on that. So states that a guest writes faster than they are looked at cost nothing.
///
/// Everything runs on one loop, which may block for round trips to the store: it must be neither a
/// data path's nor the one on which the store's transport delivers.
///
/// A device that fails or throws is disconnected, says why at its error node and is closed, and no
/// other notices. What it throws is recorded among the loop's errors, as the device's own.
public final class BackendBus {
  private static final Logger LOGGER = System.getLogger(BackendBus.class.getName());

  /// The longest way through the states, from Connected over Closed to Connected again, has six
  /// steps; more means that something undoes them.
  private static final int MAX_STEPS = 16;

  private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  /// What the store refuses is told once in this time for each device.
  private static final long TELL_NANOS = TimeUnit.SECONDS.toNanos(10);

  /// How often a device is connected within [#RETRY_NANOS]. A connection costs hundreds of round
  /// trips; a guest that reconnects without pause must not have the others wait for those.
  private static final int MAX_CONNECTS = 8;

  private static final int MAX_DOMID = 0x7fef;
  private static final String EINVAL = "22";

  private final XenStore store;
  private final EventLoop loop;
  private final String home;
  private final Map<String, DeviceBackend.Factory> factories;
  private final Function<DeviceId, Optional<String>> otherOwner;
  private final Set<DeviceId> left = new HashSet<>();

  /// Why a factory has refused devices, as long as their directories are there. A frontend that
  /// comes and goes has the device made anew each time, and must not have this logged each time.
  private final Map<DeviceId, String> reasons = new HashMap<>();

  private final Map<DeviceId, Device> devices = new HashMap<>();
  private final Map<DeviceId, DeviceStatus> statuses = new ConcurrentHashMap<>();
  private final Map<DeviceId, Told> refusals = new HashMap<>();
  private final List<XenStore.Watch> watches = new CopyOnWriteArrayList<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private boolean ending;

  /// What was told of a device's refusals, and how many were not.
  private static final class Told {
    private final long since;
    private int withheld;

    Told(long since) {
      this.since = since;
    }
  }

  private final ReentrantLock dirtyLock = new ReentrantLock();
  private final Set<DeviceId> dirtyDevices = new LinkedHashSet<>();
  private final Set<String> dirtyTypes = new LinkedHashSet<>();
  private boolean scheduled;

  /// @param domid the domain whose backends these are
  /// @param factories by device class: "vif"
  public BackendBus(
      XenStore store, EventLoop loop, int domid, Map<String, DeviceBackend.Factory> factories) {
    this(store, loop, domid, factories, _ -> Optional.empty());
  }

  /// @param otherOwner who else in this domain serves a device, for people: such a device is left
  ///   alone, and nothing of it written
  public BackendBus(
      XenStore store,
      EventLoop loop,
      int domid,
      Map<String, DeviceBackend.Factory> factories,
      Function<DeviceId, Optional<String>> otherOwner) {
    this.otherOwner = otherOwner;
    this.store = store;
    this.loop = loop;
    this.home = "/local/domain/" + domid;
    this.factories = Map.copyOf(factories);
  }

  /// Begins to look for devices, those that are there already included. Any thread; once.
  public void start() throws StoreException {
    for (String type : factories.keySet()) {
      String directory = home + "/backend/" + type;
      watches.add(store.watch(directory, path -> backendChanged(type, directory, path)));
    }
  }

  /// How the devices stand. Any thread.
  public List<DeviceStatus> devices() {
    return List.copyOf(statuses.values());
  }

  /// What a factory has refused devices for may be over: has them looked at, by which they are made
  /// anew. Any thread.
  public void reconsider() {
    loop.execute(
        () -> {
          for (Device device : devices.values()) {
            if (device.refused) {
              mark(Optional.of(device.id), device.id.type());
            }
          }
        });
  }

  /// Closes every device: Closing, then Closed as soon as its frontend has let go, or when the
  /// patience is over. Any thread.
  ///
  /// @return completes on the loop when everything is closed
  public CompletionStage<Void> close(long patienceNanos) {
    loop.execute(
        () -> {
          if (ending) {
            return;
          }
          ending = true;
          loop.schedule(patienceNanos, this::closeTheRest);
          for (DeviceId id : List.copyOf(devices.keySet())) {
            look(id);
          }
          endIfAllHave();
        });
    return ended.minimalCompletionStage();
  }

  /// Lets go of every device without a word to its frontend, so that a successor can take over:
  /// nothing is written to the store. Any thread.
  ///
  /// @return completes on the loop when every device is disconnected
  public CompletionStage<Void> abandon() {
    loop.execute(
        () -> {
          ending = true;
          end();
        });
    return ended.minimalCompletionStage();
  }

  private void backendChanged(String type, String directory, String path) {
    Optional<DeviceId> id = deviceOf(type, directory, path);
    mark(id, type);
  }

  /// The device in whose directory a path lies; none if it lies above.
  private static Optional<DeviceId> deviceOf(String type, String directory, String path) {
    if (!path.startsWith(directory + '/')) {
      return Optional.empty();
    }
    String[] names = path.substring(directory.length() + 1).split("/", 3);
    return names.length < 2 ? Optional.empty() : deviceId(type, names[0], names[1]);
  }

  private static Optional<DeviceId> deviceId(String type, String domid, String handle) {
    int domain = number(domid);
    int number = number(handle);
    return domain < 0 || domain > MAX_DOMID || number < 0
        ? Optional.empty()
        : Optional.of(new DeviceId(type, domain, number));
  }

  /// A decimal number as the toolstack writes it, or -1.
  private static int number(String text) {
    if (text.isEmpty()
        || text.length() > 9
        || text.length() > 1 && text.charAt(0) == '0'
        || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return -1;
    }
    return Integer.parseInt(text);
  }

  private void mark(Optional<DeviceId> id, String type) {
    boolean schedule;
    dirtyLock.lock();
    try {
      if (id.isPresent()) {
        dirtyDevices.add(id.get());
      } else {
        dirtyTypes.add(type);
      }
      schedule = !scheduled;
      scheduled = true;
    } finally {
      dirtyLock.unlock();
    }
    if (schedule) {
      try {
        loop.execute(this::lookAtMarked);
      } catch (RejectedExecutionException e) {
        // The bus has ended, and its loop; the store did not know yet.
        return;
      }
    }
  }

  private void lookAtMarked() {
    Set<String> types;
    Set<DeviceId> ids;
    dirtyLock.lock();
    try {
      scheduled = false;
      types = Set.copyOf(dirtyTypes);
      ids = new LinkedHashSet<>(dirtyDevices);
      dirtyTypes.clear();
      dirtyDevices.clear();
    } finally {
      dirtyLock.unlock();
    }
    for (String type : types) {
      try {
        ids.addAll(discover(type));
      } catch (StoreException e) {
        LOGGER.log(Level.WARNING, "devices of class {0}: {1}", type, e.getMessage());
        lookAgainLater(Optional.empty(), type);
      } catch (Throwable e) {
        loop.errors().record("devices of class " + type, e);
        lookAgainLater(Optional.empty(), type);
      }
    }
    ids.forEach(this::look);
    if (ending) {
      endIfAllHave();
    }
  }

  private void lookAgainLater(Optional<DeviceId> id, String type) {
    if (!ended.isDone()) {
      loop.schedule(RETRY_NANOS, () -> mark(id, type));
    }
  }

  /// Devices of a class that have a directory, and those known: their directory may have gone.
  private List<DeviceId> discover(String type) throws StoreException {
    List<DeviceId> found = new ArrayList<>();
    for (DeviceId id : devices.keySet()) {
      if (id.type().equals(type)) {
        found.add(id);
      }
    }
    for (DeviceId id : left) {
      if (id.type().equals(type)) {
        found.add(id);
      }
    }
    String directory = home + "/backend/" + type;
    for (String domid : store.directory(directory)) {
      for (String handle : store.directory(directory + '/' + domid)) {
        deviceId(type, domid, handle).ifPresent(found::add);
      }
    }
    return found;
  }

  /// Looks at one device and does what is to be done. Never throws: what a device does wrong stays
  /// its own.
  private void look(DeviceId id) {
    if (ended.isDone()) {
      return;
    }
    Device device = devices.get(id);
    try {
      if (device == null) {
        device = ending ? null : appear(id);
      } else if (device.refused && !ending) {
        device.makeAgain();
      }
      if (device != null) {
        device.advance();
      }
    } catch (StoreException e) {
      // The rings go on without the store. What it refused is tried again, since nobody may write
      // to it any more to have the device looked at.
      tellRefusal(id, e);
      if (device == null) {
        lookAgainLater(Optional.of(id), id.type());
      } else {
        device.lookAgainLater();
      }
    } catch (Throwable e) {
      recordBug(id, e);
      if (device == null) {
        lookAgainLater(Optional.of(id), id.type());
      } else {
        device.failQuietly(internalError(e));
        // Not at once: it may be thrown again.
        device.lookAgainLater();
      }
    }
  }

  /// One line, and one in ten seconds for each device: a guest that writes its directory without
  /// pause has its reading refused as often as it is tried.
  private void tellRefusal(DeviceId id, StoreException e) {
    long now = loop.nanoTime();
    Told told = refusals.get(id);
    if (told != null && now - told.since < TELL_NANOS) {
      told.withheld++;
      return;
    }
    refusals.values().removeIf(old -> now - old.since >= TELL_NANOS);
    refusals.put(id, new Told(now));
    LOGGER.log(
        Level.WARNING,
        "device {0}: {1}{2}",
        id,
        octets(String.valueOf(e.getMessage())),
        told == null || told.withheld == 0 ? "" : ", after " + told.withheld + " more refusals");
  }

  private void recordBug(DeviceId id, Throwable e) {
    loop.errors().record("device " + id, e);
  }

  private static String internalError(Throwable e) {
    return "internal error: " + e;
  }

  /// Does something for a device, and records what it throws as the device's.
  private void guard(DeviceId id, Runnable work) {
    try {
      work.run();
    } catch (Throwable e) {
      recordBug(id, e);
    }
  }

  /// Takes note of a device whose directory is there, if it is not one that was closed for good.
  private @Nullable Device appear(DeviceId id) throws StoreException {
    String path = home + "/backend/" + id.type() + '/' + id.domid() + '/' + id.handle();
    Optional<String> frontend = store.read(path + "/frontend");
    Optional<String> frontendId = store.read(path + "/frontend-id");
    XenbusState state = XenbusState.parse(store.read(path + "/state").orElse(""));
    if (frontend.isEmpty() || frontendId.isEmpty() || state == XenbusState.UNKNOWN) {
      if (left.remove(id)) {
        statuses.remove(id);
      }
      reasons.remove(id);
      return null;
    }
    Optional<String> other = otherOwner.apply(id);
    if (other.isPresent()) {
      leave(id, state, other.get());
      return null;
    }
    left.remove(id);
    if (state == XenbusState.CLOSED && !isOnline(path)) {
      return null;
    }
    Device device = new Device(id, path, frontend.get());
    devices.put(id, device);
    try {
      device.begin(frontendId.get());
    } catch (Throwable e) {
      // Half a device would never look at its frontend: it is begun anew at the next look.
      device.forget();
      throw e;
    }
    return device;
  }

  private void leave(DeviceId id, XenbusState state, String owner) {
    String message = "left to " + owner;
    statuses.put(id, new DeviceStatus(id, state, XenbusState.UNKNOWN, false, message));
    if (left.add(id)) {
      LOGGER.log(Level.WARNING, "device {0} is {1}", id, message);
    }
  }

  private boolean isOnline(String path) throws StoreException {
    return !store.read(path + "/online").orElse("1").equals("0");
  }

  private void closeTheRest() {
    if (ended.isDone()) {
      return;
    }
    for (Device device : List.copyOf(devices.values())) {
      device.closeNow();
    }
    end();
  }

  private void endIfAllHave() {
    if (!ended.isDone() && devices.values().stream().allMatch(Device::hasEnded)) {
      end();
    }
  }

  private void end() {
    if (ended.isDone()) {
      return;
    }
    for (Device device : List.copyOf(devices.values())) {
      device.forget();
    }
    for (XenStore.Watch watch : watches) {
      try {
        watch.close();
      } catch (Throwable e) {
        loop.errors().record("end of the bus", e);
      }
    }
    ended.complete(null);
  }

  /// One device from its directory's appearance to its end. Confined to the loop, but for
  /// [#failLater].
  private final class Device {
    private final DeviceId id;
    private final String path;
    private final String frontendPath;
    private final String errorPath;
    private Optional<DeviceBackend> backend = Optional.empty();
    private Optional<XenStore.Watch> frontendWatch = Optional.empty();
    private List<String> liveKeys = List.of();
    private final List<XenStore.Watch> liveWatches = new ArrayList<>();
    private boolean introduced;

    /// By the factory, which is asked again at every look: the toolstack may have written another
    /// key, or what was in the way may have gone.
    private boolean refused;

    private boolean attached;
    private boolean errorWritten;
    private String lastError = "";
    private boolean lookScheduled;
    private int connects;
    private long connectsSince = loop.nanoTime();

    /// Counts connections, so that a failure that is reported late hits no later one.
    private final AtomicInteger connection = new AtomicInteger();

    private final AtomicInteger failedConnection = new AtomicInteger(-1);

    private Device(DeviceId id, String path, String frontendPath) {
      this.id = id;
      this.path = path;
      this.frontendPath = frontendPath;
      this.errorPath = home + "/error/backend/" + id.type() + '/' + id.domid() + '/' + id.handle();
    }

    private void begin(String frontendId) throws StoreException {
      if (!frontendId.equals(Integer.toString(id.domid()))
          || !frontendPath.startsWith("/local/domain/" + id.domid() + '/')) {
        // A directory of another domain's could be pointed at to have its rings taken over. Nothing
        // below the path is read or watched.
        writeError("frontend " + frontendPath + " is not a directory of domain " + id.domid());
        return;
      }
      make();
      frontendWatch =
          Optional.of(
              store.watch(frontendPath + "/state", changed -> mark(Optional.of(id), id.type())));
      watchLiveKeys();
    }

    private void make() throws StoreException {
      DeviceBackend.Factory factory = factories.get(id.type());
      if (factory == null) {
        throw new IllegalStateException("no factory for " + id);
      }
      try {
        DeviceBackend made =
            factory.create(new BackendDevice(id, store, path, frontendPath, this::failLater));
        liveKeys = liveKeys(made);
        backend = Optional.of(made);
        refused = false;
        reasons.remove(id);
      } catch (DeviceException e) {
        refused(String.valueOf(e.getMessage()));
      } catch (Throwable e) {
        recordBug(id, e);
        refused(internalError(e));
      }
    }

    private void refused(String message) throws StoreException {
      if (!message.equals(reasons.put(id, message))) {
        LOGGER.log(Level.WARNING, "device {0} is refused: {1}", id, octets(message));
      }
      if (!refused || !lastError.equals(message)) {
        writeError(message);
      }
      refused = true;
    }

    /// Asks the factory once more. What it makes begins from the start.
    private void makeAgain() throws StoreException {
      if (store.read(path + "/frontend").isEmpty()) {
        return;
      }
      make();
      if (!refused) {
        try {
          store.remove(errorPath);
          watchLiveKeys();
        } catch (Throwable e) {
          // Half a device would not hear of its live keys: it is made once more at the next look.
          unmake();
          throw e;
        }
        introduced = false;
        lastError = "";
        errorWritten = false;
      }
    }

    private void unmake() {
      refused = true;
      liveWatches.forEach(watch -> guard(id, watch::close));
      liveWatches.clear();
      backend.ifPresent(half -> guard(id, half::remove));
      backend = Optional.empty();
    }

    private void watchLiveKeys() throws StoreException {
      for (String key : liveKeys) {
        liveWatches.add(
            store.watch(frontendPath + '/' + key, changed -> mark(Optional.of(id), id.type())));
      }
    }

    /// A backend that cannot even say this is not served.
    private List<String> liveKeys(DeviceBackend made) {
      try {
        return List.copyOf(made.liveKeys());
      } catch (Throwable e) {
        guard(id, made::remove);
        throw e;
      }
    }

    /// Does one step after another until there is nothing to do.
    private void advance() throws StoreException {
      View view = view();
      for (int i = 0; i < MAX_STEPS; i++) {
        if (store.read(path + "/frontend").isEmpty()) {
          remove(true);
          return;
        }
        statuses.put(
            id, new DeviceStatus(id, view.backend(), view.frontend(), attached, lastError));
        switch (DeviceLifecycle.next(view)) {
          case NOTHING -> {
            if (attached) {
              backend.orElseThrow().refresh();
            }
            return;
          }
          case ANNOUNCE -> announce(view);
          case REFUSE -> refuse();
          case CONNECT -> {
            if (!mayConnect()) {
              lookAgainLater();
              return;
            }
            connect(view);
          }
          case ENTER_CONNECTED -> enterConnected(view);
          case DISCONNECT -> disconnect();
          case ENTER_CLOSING -> enter(view, XenbusState.CLOSING);
          case ENTER_CLOSED -> enter(view, XenbusState.CLOSED);
          case REMOVE -> {
            remove(false);
            return;
          }
          case RECREATE -> {
            remove(false);
            mark(Optional.of(id), id.type());
            return;
          }
        }
        view = view();
      }
      LOGGER.log(Level.DEBUG, "device {0} does not come to rest", id);
      lookAgainLater();
    }

    private boolean mayConnect() {
      long now = loop.nanoTime();
      if (now - connectsSince >= RETRY_NANOS) {
        connectsSince = now;
        connects = 0;
      }
      return connects < MAX_CONNECTS;
    }

    /// One timer at a time, however often the guest has the device looked at meanwhile.
    private void lookAgainLater() {
      if (!lookScheduled) {
        lookScheduled = true;
        loop.schedule(
            RETRY_NANOS,
            () -> {
              lookScheduled = false;
              mark(Optional.of(id), id.type());
            });
      }
    }

    private View view() throws StoreException {
      boolean known = frontendWatch.isPresent();
      XenbusState frontend =
          known
              ? XenbusState.parse(store.read(frontendPath + "/state").orElse(""))
              : XenbusState.UNKNOWN;
      return new View(
          XenbusState.parse(store.read(path + "/state").orElse("")),
          frontend,
          isOnline(path),
          introduced,
          attached,
          backend.isPresent(),
          ending);
    }

    private void announce(View view) throws StoreException {
      Map<String, String> features = backend.orElseThrow().features();
      boolean written =
          store.transaction(
              within -> {
                // Without this a directory that is just being removed would be made again.
                if (within.read(path + "/state").isEmpty()) {
                  return false;
                }
                for (Map.Entry<String, String> feature : features.entrySet()) {
                  within.write(path + '/' + feature.getKey(), feature.getValue());
                }
                return true;
              });
      if (written) {
        introduced = true;
        enter(view, XenbusState.INIT_WAIT);
      }
    }

    /// Says why where the toolstack's script looks, which it runs at InitWait: without that the
    /// toolstack would wait until its patience is over, and then could not say what is wrong.
    private void refuse() throws StoreException {
      introduced = true;
      store.transaction(
          within -> {
            if (within.read(path + "/state").isEmpty()) {
              return false;
            }
            // Of a process before this one, which a frontend would take as an invitation.
            for (String key : within.directory(path)) {
              if (key.startsWith("feature-")) {
                within.remove(path + '/' + key);
              }
            }
            within.write(path + "/hotplug-error", octets(lastError));
            within.write(path + "/hotplug-status", "error");
            within.write(path + "/state", XenbusState.INIT_WAIT.text());
            return true;
          });
    }

    /// There is no network interface for a script to set up: what it would say, that the device is
    /// on its network, is true from here on.
    private void enterConnected(View view) throws StoreException {
      store.transaction(
          within -> {
            if (within.read(path + "/hotplug-status").isPresent()) {
              within.write(path + "/hotplug-status", "connected");
              within.remove(path + "/hotplug-error"); // of a process before this one
            }
            return true;
          });
      enter(view, XenbusState.CONNECTED);
    }

    private void connect(View view) throws StoreException {
      introduced = true;
      connection.incrementAndGet();
      connects++;
      try {
        backend.orElseThrow().connect();
        attached = true;
      } catch (DeviceException e) {
        backend.orElseThrow().disconnect();
        fail(view.backend(), String.valueOf(e.getMessage()));
      } catch (StoreException e) {
        // A guest that writes its directory without pause can bring this about as often as it is
        // tried: not before the next look that nobody but the bus asks for.
        connects = MAX_CONNECTS;
        connectsSince = loop.nanoTime();
        backend.orElseThrow().disconnect();
        throw e;
      }
    }

    private void disconnect() {
      attached = false;
      backend.ifPresent(DeviceBackend::disconnect);
    }

    /// Writes the state, unless it is no longer the one that the step was judged by.
    private void enter(View view, XenbusState next) throws StoreException {
      enter(view.backend(), next);
    }

    private void enter(XenbusState from, XenbusState next) throws StoreException {
      introduced = true;
      store.transaction(
          within -> {
            Optional<String> current = within.read(path + "/state");
            if (current.isPresent() && XenbusState.parse(current.get()) == from) {
              within.write(path + "/state", next.text());
            }
            return next;
          });
    }

    private void failLater(String message) {
      int failing = connection.get();
      if (failedConnection.getAndSet(failing) != failing) {
        loop.execute(
            () -> {
              if (attached && connection.get() == failing && !ended.isDone()) {
                failQuietly(message);
                mark(Optional.of(id), id.type());
              }
            });
      }
    }

    private void failQuietly(String message) {
      // A backend that cannot even let go has its error told all the same.
      guard(id, this::disconnect);
      try {
        fail(XenbusState.parse(store.read(path + "/state").orElse("")), message);
      } catch (StoreException e) {
        tellRefusal(id, e);
        lookAgainLater();
      } catch (Throwable e) {
        recordBug(id, e);
        lookAgainLater();
      }
    }

    /// Says why, and closes; Closed comes when the frontend has let go.
    private void fail(XenbusState from, String message) throws StoreException {
      writeError(message);
      switch (from) {
        case UNKNOWN, CLOSING, CLOSED -> {
          // There is nothing to close, or it is being done.
        }
        case INITIALISING, INIT_WAIT, INITIALISED, CONNECTED, RECONFIGURING, RECONFIGURED ->
            enter(from, XenbusState.CLOSING);
      }
    }

    /// Leaves the message where xenbus drivers leave theirs, an errno before it.
    private void writeError(String message) throws StoreException {
      lastError = message;
      errorWritten = true;
      store.write(errorPath + "/error", EINVAL + ' ' + octets(message));
    }

    private void remove(boolean vanished) throws StoreException {
      forget();
      if (vanished) {
        reasons.remove(id);
        if (errorWritten) {
          store.remove(errorPath);
        }
      }
    }

    private void forget() {
      devices.remove(id);
      statuses.remove(id);
      frontendWatch.ifPresent(watch -> guard(id, watch::close));
      frontendWatch = Optional.empty();
      liveWatches.forEach(watch -> guard(id, watch::close));
      liveWatches.clear();
      guard(id, this::disconnect);
      backend.ifPresent(gone -> guard(id, gone::remove));
    }

    /// The end of the bus's patience.
    private void closeNow() {
      guard(id, this::disconnect);
      try {
        XenbusState state = XenbusState.parse(store.read(path + "/state").orElse(""));
        if (!DeviceLifecycle.hasEnded(view())) {
          enter(state, XenbusState.CLOSING);
          enter(XenbusState.CLOSING, XenbusState.CLOSED);
        }
      } catch (StoreException e) {
        tellRefusal(id, e);
      } catch (Throwable e) {
        recordBug(id, e);
      }
    }

    private boolean hasEnded() {
      try {
        return DeviceLifecycle.hasEnded(view());
      } catch (StoreException e) {
        return !attached;
      } catch (Throwable e) {
        recordBug(id, e);
        return !attached;
      }
    }
  }

  /// A message as a store's value: its length bounded, and nothing but printable ASCII, since parts
  /// may be the guest's.
  private static String octets(String message) {
    StringBuilder text = new StringBuilder();
    message.chars().limit(1000).forEach(c -> text.append(c >= ' ' && c <= '~' ? (char) c : '?'));
    return text.toString();
  }
}
