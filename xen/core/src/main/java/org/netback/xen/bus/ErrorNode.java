package org.netback.xen.bus;

import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// Where a device says what is wrong with it, as xenbus drivers do: the node `error` below
/// `error/backend/<type>/<domid>/<handle>` in the backend's domain. Confined to the bus's loop, and
/// each call blocks for a round trip to the store.
final class ErrorNode {
  private static final String EINVAL = "22";

  private final XenStore store;
  private final String path;
  private boolean written;
  private String text = "";

  /// @param domid the backend's domain
  ErrorNode(XenStore store, int domid, DeviceId id) {
    this.store = store;
    this.path = BackendDirectory.home(domid) + "/error/" + BackendDirectory.relative(id);
  }

  /// The newest message, empty if there is none; also one that the store has refused.
  String text() {
    return text;
  }

  /// Writes a message, an errno before it.
  void write(String message) throws StoreException {
    text = message;
    written = true;
    store.write(path + "/error", EINVAL + ' ' + BusLog.printable(message));
  }

  /// Removes the message, also one that a process before this one has left.
  void remove() throws StoreException {
    store.remove(path);
    written = false;
    text = "";
  }

  void removeIfWritten() throws StoreException {
    if (written) {
      remove();
    }
  }
}
