package org.netback.xen.bus;

import java.util.Optional;
import org.netback.xen.store.StoreException;

/// A device as its [DeviceBackend] sees it: its two directories, and the way to fail.
public interface BackendDevice {
  DeviceId id();

  /// A key of the backend's own directory, written by the toolstack.
  Optional<String> backendKey(String key) throws StoreException;

  /// Writes a key of the backend's own directory.
  void writeBackendKey(String key, String value) throws StoreException;

  /// All keys of the frontend's directory that the guest has written, read at once in one
  /// transaction. Bounded, and every value hostile.
  FrontendKeys frontendKeys() throws StoreException;

  /// Ends the device because of something that its guest did: disconnects it, writes the message to
  /// the error node, and closes. Any thread, at most once per connection; returns at once.
  void fail(String message);
}
