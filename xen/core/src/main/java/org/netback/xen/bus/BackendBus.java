package org.netback.xen.bus;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.DeviceClass.KernelDriver;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// The backend's end of xenbus: finds the devices under `backend/<type>/<domid>/<handle>` of its
/// own domain, makes a [DeviceBackend] for each, and drives it through the states of io/xenbus.h as
/// [DeviceLifecycle] says. What differs between device classes is in their [DeviceClass].
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
  private final XenStore store;
  private final EventLoop loop;
  private final int domid;
  private final String home;
  private final Map<String, DeviceClass> classes = new HashMap<>();
  private final BiFunction<KernelDriver, DeviceId, Optional<String>> kernelOwner;
  private final BusLog log;
  private final Marks<BusMark> marks;

  // Written on the loop, read by any thread.
  private final Map<DeviceId, BusDevice> devices = new ConcurrentHashMap<>();
  private final Map<DeviceId, DeviceStatus> left = new ConcurrentHashMap<>();

  private final List<XenStore.Watch> watches = new CopyOnWriteArrayList<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private boolean ending;

  /// @param domid the domain whose backends these are
  /// @param classes one of each type
  public BackendBus(XenStore store, EventLoop loop, int domid, List<DeviceClass> classes) {
    this(store, loop, domid, classes, (_, _) -> Optional.empty());
  }

  /// @param kernelOwner whether a driver of this domain's kernel serves a device, for people: such
  ///   a device is left alone, and nothing of it written
  public BackendBus(
      XenStore store,
      EventLoop loop,
      int domid,
      List<DeviceClass> classes,
      BiFunction<KernelDriver, DeviceId, Optional<String>> kernelOwner) {
    this.store = store;
    this.loop = loop;
    this.domid = domid;
    this.home = BackendDirectory.home(domid) + "/backend/";
    this.kernelOwner = kernelOwner;
    this.log = new BusLog(loop);
    this.marks = new Marks<>(loop, this::lookAt);
    for (DeviceClass one : classes) {
      if (this.classes.put(one.type(), one) != null) {
        throw new IllegalArgumentException("two device classes of type " + one.type());
      }
    }
  }

  /// Begins to look for devices, those that are there already included. Any thread; once.
  public void start() throws StoreException {
    for (String type : classes.keySet()) {
      watches.add(
          store.watch(home + type, path -> marks.mark(BusMark.at(type, home + type, path))));
    }
  }

  /// How the devices stand. Any thread.
  public List<DeviceStatus> devices() {
    return Stream.concat(
            devices.values().stream().flatMap(device -> device.status().stream()),
            left.values().stream())
        .toList();
  }

  /// How the devices of one class stand. Any thread.
  public List<DeviceStatus> devices(String type) {
    return devices().stream().filter(device -> device.id().type().equals(type)).toList();
  }

  /// The backend's directory of a device, whether there is one or not. Any thread.
  public String directory(DeviceId id) {
    return BackendDirectory.path(domid, id);
  }

  /// What a factory has refused devices for may be over: has them looked at, by which they are made
  /// anew. Any thread.
  public void reconsider() {
    loop.execute(
        () -> {
          for (BusDevice device : devices.values()) {
            if (device.isRefused()) {
              marks.mark(BusMark.of(device.id()));
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

  private void lookAt(SequencedSet<BusMark> marked) {
    if (ended.isDone()) {
      return; // a mark that was made before the end; the store may be closed by now
    }
    SequencedSet<DeviceId> ids = new LinkedHashSet<>();
    for (BusMark mark : marked) {
      mark.id().ifPresent(ids::add);
    }
    for (BusMark mark : marked) {
      if (mark.id().isEmpty()) {
        ids.addAll(discover(mark));
      }
    }
    ids.forEach(this::look);
    if (ending) {
      endIfAllHave();
    }
  }

  private void lookAgainLater(BusMark mark) {
    if (!ended.isDone()) {
      loop.schedule(BusDevice.RETRY_NANOS, () -> marks.mark(mark));
    }
  }

  private List<DeviceId> discover(BusMark mark) {
    try {
      return discover(mark.type());
    } catch (StoreException e) {
      log.storeRefused("devices of class " + mark.type(), e);
    } catch (Throwable e) {
      log.bug("devices of class " + mark.type(), e);
    }
    lookAgainLater(mark);
    return List.of();
  }

  /// Devices of a class that have a directory, and those known: their directory may have gone.
  private List<DeviceId> discover(String type) throws StoreException {
    List<DeviceId> found = new ArrayList<>();
    Stream.concat(devices.keySet().stream(), left.keySet().stream())
        .filter(id -> id.type().equals(type))
        .forEach(found::add);
    for (String domain : store.directory(home + type)) {
      for (String handle : store.directory(home + type + '/' + domain)) {
        DeviceId.parse(type, domain, handle).ifPresent(found::add);
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
    BusDevice device = devices.get(id);
    try {
      if (device == null) {
        device = ending ? null : appear(id);
      } else if (!ending) {
        device.makeIfRefused();
      }
      if (device != null) {
        advance(device);
      }
    } catch (StoreException e) {
      // The rings go on without the store. What it refused is tried again, since nobody may write
      // to it any more to have the device looked at.
      log.storeRefused("device " + id, e);
      lookAgainLater(id, device);
    } catch (Throwable e) {
      log.bug(id, e);
      if (device != null) {
        device.failBecauseOf(e);
      }
      // Not at once: it may be thrown again.
      lookAgainLater(id, device);
    }
  }

  private void lookAgainLater(DeviceId id, @Nullable BusDevice device) {
    if (device == null) {
      lookAgainLater(BusMark.of(id));
    } else {
      device.lookAgainLater();
    }
  }

  private void advance(BusDevice device) throws StoreException {
    switch (device.advance(ending)) {
      case STAYS -> {
        // Until something marks it again.
      }
      case CLOSED -> forget(device);
      case MADE_ANEW -> {
        forget(device);
        marks.mark(BusMark.of(device.id()));
      }
      case VANISHED -> {
        forget(device);
        log.forgetRefusals(device.id());
        device.removeError();
      }
    }
  }

  /// Takes note of a device whose directory is there, if it is not one that was closed for good.
  private @Nullable BusDevice appear(DeviceId id) throws StoreException {
    DeviceClass deviceClass = classes.get(id.type());
    if (deviceClass == null) {
      throw new IllegalStateException("no class for " + id);
    }
    BackendDirectory directory = new BackendDirectory(store, domid, id);
    Optional<String> frontend = directory.read("frontend");
    Optional<String> frontendId = directory.read("frontend-id");
    XenbusState state = directory.state();
    if (frontend.isEmpty() || frontendId.isEmpty() || state == XenbusState.UNKNOWN) {
      left.remove(id);
      log.forgetRefusals(id);
      return null;
    }
    Optional<String> owner =
        deviceClass.kernelDriver().flatMap(driver -> kernelOwner.apply(driver, id));
    if (owner.isPresent()) {
      leave(id, state, owner.get());
      return null;
    }
    left.remove(id);
    if (state == XenbusState.CLOSED && !directory.isOnline()) {
      return null;
    }
    BusDevice device =
        new BusDevice(
            deviceClass,
            id,
            domid,
            frontend.get(),
            store,
            loop,
            log,
            () -> marks.mark(BusMark.of(id)));
    devices.put(id, device);
    try {
      device.begin(frontendId.get());
    } catch (Throwable e) {
      // Half a device would never look at its frontend: it is begun anew at the next look.
      forget(device);
      throw e;
    }
    return device;
  }

  private void leave(DeviceId id, XenbusState state, String owner) {
    String message = "left to " + owner;
    DeviceStatus status = new DeviceStatus(id, state, XenbusState.UNKNOWN, false, message);
    if (left.put(id, status) == null) {
      log.deviceLeft(id, message);
    }
  }

  private void forget(BusDevice device) {
    devices.remove(device.id());
    device.forget();
  }

  private void closeTheRest() {
    if (ended.isDone()) {
      return;
    }
    devices.values().forEach(BusDevice::closeNow);
    end();
  }

  private void endIfAllHave() {
    if (!ended.isDone() && devices.values().stream().allMatch(BusDevice::hasEnded)) {
      end();
    }
  }

  private void end() {
    if (ended.isDone()) {
      return;
    }
    List.copyOf(devices.values()).forEach(this::forget);
    for (XenStore.Watch watch : watches) {
      try {
        watch.close();
      } catch (Throwable e) {
        log.bug("end of the bus", e);
      }
    }
    ended.complete(null);
  }
}
