package org.netback.xen.embedded;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// What xl and libxl do on a Xen host: makes a domain's nodes and its devices' directories, with
/// the owners and permissions that libxl gives them (libxl_create.c, libxl_device.c, libxl_nic.c),
/// and takes them away. The vif has no `script`, as where the backend's daemon connects it itself.
///
/// Every method blocks for round trips to the store.
final class Toolstack {
  private static final String DOMAINS = "/local/domain/";

  /// Where the backends live.
  private static final int BACKEND = DomainRegistry.BACKEND_DOMID;

  /// Directories that a guest may write, and those it may only read.
  private static final List<String> WRITABLE =
      List.of("control/shutdown", "data", "drivers", "feature", "attr", "error");

  private static final List<String> READABLE = List.of("cpu", "memory", "device", "control");

  private final XenStore store;

  /// @param store a connection as the backends' domain, which is privileged
  Toolstack(XenStore store) {
    this.store = store;
  }

  static String domainPath(int domid) {
    return DOMAINS + domid;
  }

  static String frontendPath(int domid, int handle) {
    return DOMAINS + domid + "/device/vif/" + handle;
  }

  static String backendPath(int domid, int handle) {
    return backendsPath(domid) + '/' + handle;
  }

  private static String backendsPath(int domid) {
    return domainPath(BACKEND) + "/backend/vif/" + domid;
  }

  private static String errorsPath(int domid) {
    return domainPath(BACKEND) + "/error/backend/vif/" + domid;
  }

  /// Where a backend leaves its errors. libxl makes no such directory, so that on Xen no guest may
  /// read it; here the guest's command is to show its operator what is wrong.
  static String errorPath(int domid, int handle) {
    return errorsPath(domid) + '/' + handle;
  }

  /// The nodes of the backends' domain itself, before anything else is there.
  void buildBackendDomain() throws StoreException {
    store.write(domainPath(BACKEND) + "/name", "Domain-" + BACKEND);
    store.write(domainPath(BACKEND) + "/domid", Integer.toString(BACKEND));
  }

  void build(int domid, GuestSpec spec) throws StoreException {
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
              for (int handle = 0; handle < spec.vifs().size(); handle++) {
                addVif(within, domid, handle, spec.vifs().get(handle));
              }
              return true;
            });
  }

  private static void addVif(XenStore within, int domid, int handle, VifSpec vif)
      throws StoreException {
    String frontend = frontendPath(domid, handle);
    String backend = backendPath(domid, handle);
    within.remove(frontend);
    make(within, frontend, List.of("n" + domid, "r" + BACKEND));
    within.write(frontend + "/backend", backend);
    within.write(frontend + "/backend-id", Integer.toString(BACKEND));
    within.write(frontend + "/state", XenbusState.INITIALISING.text());
    within.write(frontend + "/handle", Integer.toString(handle));
    within.write(frontend + "/mac", vif.mac());
    within.write(frontend + "/trusted", "1");
    within.write(frontend + "/mtu", Integer.toString(vif.mtu()));
    within.setPermissions(frontend + "/mtu", readable(domid));

    within.remove(backend);
    make(within, backend, readable(domid));
    within.write(backend + "/frontend", frontend);
    within.write(backend + "/frontend-id", Integer.toString(domid));
    within.write(backend + "/online", "1");
    within.write(backend + "/state", XenbusState.INITIALISING.text());
    within.write(backend + "/mac", vif.mac());
    if (vif.mtu() != VifSpec.DEFAULT_MTU) {
      within.write(backend + "/mtu", Integer.toString(vif.mtu()));
    }
    within.write(backend + "/bridge", vif.network());
    within.write(backend + "/handle", Integer.toString(handle));
    within.write(backend + "/type", "vif");
    within.write(backend + "/hotplug-status", "");
    within.remove(errorPath(domid, handle));
    make(within, errorPath(domid, handle), readable(domid));
  }

  /// The primary console's nodes (libxl_console.c, libxl_dom.c), which its guest may only read.
  ///
  /// @param frame of its page
  /// @param port that the guest's domain offers to the backend's
  void addConsole(int domid, long frame, int port) throws StoreException {
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

  private static List<String> readable(int domid) {
    return List.of("n" + BACKEND, "r" + domid);
  }

  private static void make(XenStore within, String path, List<String> permissions)
      throws StoreException {
    within.mkdir(path);
    within.setPermissions(path, permissions);
  }

  /// Removes the frontends' directories of a domain that is destroyed, asks the backends to let go,
  /// waits until they have or the time is up, and removes their directories too.
  void removeDevices(int domid, Duration patience) throws StoreException {
    String backends = backendsPath(domid);
    List<String> handles = store.directory(backends);
    for (String handle : handles) {
      askToClose(backends + '/' + handle);
    }
    // A dead frontend never says Closed; a backend that waits for it sees that it has gone.
    store.remove(DOMAINS + domid + "/device");
    long end = System.nanoTime() + patience.toNanos();
    for (String handle : handles) {
      awaitClosed(backends + '/' + handle, end);
    }
    store.remove(backends);
    store.remove(errorsPath(domid));
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

  void removeDomain(int domid) throws StoreException {
    store.remove(domainPath(domid));
  }
}
