package org.netback.xen.bus;

import java.util.List;
import java.util.Map;
import org.netback.xen.store.StoreException;

/// What a device class does at each step of one device's life; [AttachedBackend] is enough for
/// many. Every method is called on the bus's thread, one at a time, and may read the store.
///
/// What a method throws beside the exceptions it names is a bug: the bus records it, disconnects
/// the device, says so at its error node and closes it.
public interface DeviceBackend {
  /// The keys that announce what this backend can do. They are written into the backend directory
  /// in one transaction, before it enters InitWait.
  default Map<String, String> features() {
    return Map.of();
  }

  /// The frontend has published its rings: map them and start. On an exception nothing stays mapped
  /// or bound, and the bus writes the error node and closes the device.
  ///
  /// Called again after [#disconnect()] when the frontend comes back (driver reload, kexec,
  /// resume).
  ///
  /// @throws DeviceException the frontend's directory is inconsistent, or a reference in it is
  ///   wrong
  /// @throws StoreException the store refused; the bus tries again a little later
  void connect() throws DeviceException, StoreException;

  /// Keys of the frontend's directory that the guest may change while it is connected. The bus
  /// watches them; however often they change, [#refresh()] is called once for all changes since.
  default List<String> liveKeys() {
    return List.of();
  }

  /// Something may have changed, in the backend directory or in one of [#liveKeys()], while the
  /// device is connected: read again what may change. Values are hostile, and the guest may have
  /// this called as often as the bus has nothing else to do.
  default void refresh() throws StoreException {}

  /// Lets go of everything of the frontend's: rings, channels, mappings. Idempotent, also before
  /// the first connect. Writes nothing to the store: the frontend may be about to be handed to a
  /// successor, and must not notice.
  void disconnect();

  /// The device has gone for good, or this process leaves it to a successor; called once, after the
  /// last [#disconnect()]. Writes nothing to the store.
  default void remove() {}

  /// Makes the backend of one device when its directory appears.
  @FunctionalInterface
  interface Factory {
    /// Makes the backend.
    ///
    /// @throws DeviceException the backend directory itself is wrong
    DeviceBackend create(BackendDevice device) throws DeviceException;
  }
}
