package org.netback.xen.embedded.toolstack;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// What xl and libxl do on a Xen host: makes a domain's nodes and its devices' directories, with
/// the owners and permissions that libxl gives them (libxl_create.c, libxl_device.c, libxl_nic.c),
/// and takes them away.
///
/// Every method blocks for round trips to the store.
public final class Toolstack {
  private static final String DOMAINS = "/local/domain/";

  /// Directories that a guest may write, and those it may only read.
  private static final List<String> WRITABLE =
      List.of("control/shutdown", "data", "drivers", "feature", "attr", "error");

  private static final List<String> READABLE = List.of("cpu", "memory", "device", "control");

  private final XenStore store;
  private final int backend;

  /// @param store a connection as the backends' domain, which is privileged
  /// @param backend the domain where the backends live
  public Toolstack(XenStore store, int backend) {
    this.store = store;
    this.backend = backend;
  }

  public static String domainPath(int domid) {
    return DOMAINS + domid;
  }

  public static String frontendPath(int domid, String type, int handle) {
    return DOMAINS + domid + "/device/" + type + '/' + handle;
  }

  private String backendsPath() {
    return domainPath(backend) + "/backend";
  }

  private String backendsPath(String type, int domid) {
    return backendsPath() + '/' + type + '/' + domid;
  }

  private String errorsPath(String type, int domid) {
    return domainPath(backend) + "/error/backend/" + type + '/' + domid;
  }

  /// The nodes of the backends' domain itself, before anything else is there.
  public void buildBackendDomain() throws StoreException {
    store.write(domainPath(backend) + "/name", "Domain-" + backend);
    store.write(domainPath(backend) + "/domid", Integer.toString(backend));
  }

  public void build(int domid, GuestSpec spec) throws StoreException {
    boolean _ =
        store.transaction(
            within -> {
              String home = domainPath(domid);
              within.remove(home);
              make(within, home, readable(domid));
              within.write(home + "/name", spec.name());
              within.write(home + "/domid", Integer.toString(domid));
              for (String directory : READABLE) {
                make(within, home + '/' + directory, readable(domid));
              }
              for (String directory : WRITABLE) {
                make(within, home + '/' + directory, List.of("n" + domid));
              }
              for (DeviceSpec device : spec.devices()) {
                add(within, domid, device);
              }
              return true;
            });
  }

  private void add(XenStore within, int domid, DeviceSpec device) throws StoreException {
    String frontend = frontendPath(domid, device.type(), device.handle());
    String served = backendsPath(device.type(), domid) + '/' + device.handle();
    within.remove(frontend);
    make(within, frontend, List.of("n" + domid, "r" + backend));
    within.write(frontend + "/backend", served);
    within.write(frontend + "/backend-id", Integer.toString(backend));
    within.write(frontend + "/state", XenbusState.INITIALISING.text());
    write(within, frontend, device.frontend());
    write(within, frontend, device.frontendReadOnly());
    for (String key : device.frontendReadOnly().keySet()) {
      within.setPermissions(frontend + '/' + key, readable(domid));
    }

    within.remove(served);
    make(within, served, readable(domid));
    within.write(served + "/frontend", frontend);
    within.write(served + "/frontend-id", Integer.toString(domid));
    within.write(served + "/online", "1");
    within.write(served + "/state", XenbusState.INITIALISING.text());
    write(within, served, device.backend());
    // Where the backend leaves its errors. libxl makes no such directory, so that on Xen no guest
    // may read it; here the guest's command is to show its operator what is wrong.
    String error = errorsPath(device.type(), domid) + '/' + device.handle();
    within.remove(error);
    make(within, error, readable(domid));
  }

  private static void write(XenStore within, String directory, Map<String, String> keys)
      throws StoreException {
    for (Map.Entry<String, String> key : keys.entrySet()) {
      within.write(directory + '/' + key.getKey(), key.getValue());
    }
  }

  /// The primary console's nodes (libxl_console.c, libxl_dom.c), which its guest may only read.
  ///
  /// @param frame of its page
  /// @param port that the guest's domain offers to the backend's
  public void addConsole(int domid, long frame, int port) throws StoreException {
    boolean _ =
        store.transaction(
            within -> {
              String console = domainPath(domid) + "/console";
              make(within, console, readable(domid));
              within.write(console + "/backend-id", "0");
              within.write(console + "/limit", "1048576");
              within.write(console + "/type", "xenconsoled");
              within.write(console + "/output", "pty");
              within.write(console + "/tty", "");
              within.write(console + "/ring-ref", Long.toString(frame));
              within.write(console + "/port", Integer.toString(port));
              return true;
            });
  }

  private List<String> readable(int domid) {
    return List.of("n" + backend, "r" + domid);
  }

  private static void make(XenStore within, String path, List<String> permissions)
      throws StoreException {
    within.mkdir(path);
    within.setPermissions(path, permissions);
  }

  /// Removes the frontends' directories of a domain that is destroyed, asks the backends to let go,
  /// waits until they have or the time is up, and removes their directories too.
  public void removeDevices(int domid, Duration patience) throws StoreException {
    List<String> types = store.directory(backendsPath());
    List<String> devices = new ArrayList<>();
    for (String type : types) {
      for (String handle : store.directory(backendsPath(type, domid))) {
        devices.add(backendsPath(type, domid) + '/' + handle);
      }
    }
    for (String device : devices) {
      askToClose(device);
    }
    // A dead frontend never says Closed; a backend that waits for it sees that it has gone.
    store.remove(DOMAINS + domid + "/device");
    long end = System.nanoTime() + patience.toNanos();
    for (String device : devices) {
      awaitClosed(device, end);
    }
    for (String type : types) {
      store.remove(backendsPath(type, domid));
      store.remove(errorsPath(type, domid));
    }
  }

  private void askToClose(String backend) throws StoreException {
    boolean _ =
        store.transaction(
            within -> {
              XenbusState state = state(within, backend);
              if (state != XenbusState.UNKNOWN) {
                within.write(backend + "/online", "0");
                if (hasBackend(state)) {
                  within.write(backend + "/state", XenbusState.CLOSING.text());
                }
              }
              return true;
            });
  }

  /// A backend has touched the device and not let go of it yet.
  private static boolean hasBackend(XenbusState state) {
    return switch (state) {
      case UNKNOWN, INITIALISING, CLOSED -> false;
      case INIT_WAIT, INITIALISED, CONNECTED, CLOSING, RECONFIGURING, RECONFIGURED -> true;
    };
  }

  private static XenbusState state(XenStore store, String directory) throws StoreException {
    return XenbusState.parse(store.read(directory + "/state").orElse(""));
  }

  private void awaitClosed(String backend, long end) throws StoreException {
    if (!hasBackend(state(store, backend)) || end <= System.nanoTime()) {
      return;
    }
    CountDownLatch closed = new CountDownLatch(1);
    try (XenStore.Watch _ =
        store.watch(
            backend + "/state",
            _ -> {
              try {
                if (!hasBackend(state(store, backend))) {
                  closed.countDown();
                }
              } catch (StoreException e) {
                closed.countDown(); // the store has gone, nobody else will tell
              }
            })) {
      // A backend that is not there, or takes too long, is not waited for: the directory goes.
      boolean _ = closed.await(end - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  public void removeDomain(int domid) throws StoreException {
    store.remove(domainPath(domid));
  }
}
