package org.netback.xen.bus;

import java.util.Map;
import java.util.Optional;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// A device's own directory in the backend's domain, `backend/<type>/<domid>/<handle>`. Any thread;
/// each call blocks for round trips to the store.
///
/// Every write into the directory is part of a transaction that finds its `state` node there: the
/// toolstack may remove the directory at any time, and a bare write would bring it back.
final class BackendDirectory {
  private static final String STATE = "state";

  private final XenStore store;
  private final String path;

  /// @param domid the backend's domain
  BackendDirectory(XenStore store, int domid, DeviceId id) {
    this.store = store;
    this.path = path(domid, id);
  }

  static String home(int domid) {
    return "/local/domain/" + domid;
  }

  static String path(int domid, DeviceId id) {
    return home(domid) + '/' + relative(id);
  }

  static String relative(DeviceId id) {
    return "backend/" + id.type() + '/' + id.domid() + '/' + id.handle();
  }

  Optional<String> read(String key) throws StoreException {
    return store.read(path + '/' + key);
  }

  XenbusState state() throws StoreException {
    return XenbusState.parse(read(STATE).orElse(""));
  }

  /// False if the toolstack wants the device gone once it has closed.
  boolean isOnline() throws StoreException {
    return !read("online").orElse("1").equals("0");
  }

  /// Whether the toolstack has made the directory and not removed it.
  boolean isThere() throws StoreException {
    return read("frontend").isPresent();
  }

  /// See [BackendDevice#publish].
  boolean publish(Map<String, String> keys, boolean touchState) throws StoreException {
    if (keys.containsKey(STATE)) {
      throw new IllegalArgumentException("the state of " + path + " is the bus's to write");
    }
    return store.transaction(
        within -> {
          Optional<String> state = within.read(path + '/' + STATE);
          if (state.isEmpty()) {
            return false;
          }
          for (Map.Entry<String, String> key : keys.entrySet()) {
            if (key.getValue().isEmpty()) {
              within.remove(path + '/' + key.getKey());
            } else {
              within.write(path + '/' + key.getKey(), key.getValue());
            }
          }
          if (touchState) {
            within.write(path + '/' + STATE, state.get());
          }
          return true;
        });
  }

  /// Writes the state, unless it is no longer the one that the step was judged by.
  void enter(XenbusState from, XenbusState next) throws StoreException {
    boolean _ =
        store.transaction(
            within -> {
              Optional<String> current = within.read(path + '/' + STATE);
              boolean same = current.isPresent() && XenbusState.parse(current.get()) == from;
              if (same) {
                within.write(path + '/' + STATE, next.text());
              }
              return same;
            });
  }

  /// Takes back what a backend has announced, and enters InitWait.
  ///
  /// @param hotplugError for the toolstack's script, which says it at once; empty if the class has
  ///   no script
  void refuse(Optional<String> hotplugError) throws StoreException {
    boolean _ =
        store.transaction(
            within -> {
              if (within.read(path + '/' + STATE).isEmpty()) {
                return false;
              }
              // Of a process before this one, which a frontend would take as an invitation.
              for (String key : within.directory(path)) {
                if (key.startsWith("feature-")) {
                  within.remove(path + '/' + key);
                }
              }
              if (hotplugError.isPresent()) {
                within.write(path + "/hotplug-error", BusLog.printable(hotplugError.get()));
                within.write(path + "/hotplug-status", "error");
              }
              within.write(path + '/' + STATE, XenbusState.INIT_WAIT.text());
              return true;
            });
  }

  /// There is nothing for a script to set up: what it would say is true from here on.
  void endHotplug() throws StoreException {
    boolean _ =
        store.transaction(
            within -> {
              boolean awaited = within.read(path + "/hotplug-status").isPresent();
              if (awaited) {
                within.write(path + "/hotplug-status", "connected");
                within.remove(path + "/hotplug-error"); // of a process before this one
              }
              return awaited;
            });
  }
}
