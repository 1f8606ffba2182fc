package org.netback.daemon;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.netback.capture.PortFacts;
import org.netback.daemon.control.Routes;
import org.netback.vswitch.SwitchPort;
import org.netback.xen.bus.DeviceClass;
import org.netback.xen.bus.DeviceId;

/// A device class as the daemon serves it. [Daemon] makes one of each, in the order in which
/// `status` shows them. What a class has to configure, the service takes in its constructor; its
/// section of the file is read in `org.netback.daemon.config`.
///
/// The methods may be called by any thread.
interface DeviceService {
  /// What the bus is to know of the class; the same each time.
  DeviceClass deviceClass();

  /// Whether the bus is to look for devices of the class.
  default boolean isOnBus() {
    return true;
  }

  /// Whether the factory has made a backend for a device that is still there. If it refused the
  /// device, this is false, and the device's last error says why.
  boolean serves(DeviceId id);

  /// Begins what the class does beside what the bus has its factory do. After the bus has started.
  ///
  /// @throws IOException the daemon cannot be started
  default void start() throws IOException {}

  /// Ends it, after the bus's devices; guests that live on notice nothing of this.
  default void close() {}

  /// Has the files that it writes opened anew, which something else has moved away.
  default void reopenLogs() {}

  /// Adds what the control API answers about its devices, and does to them.
  ///
  /// @param devices those of this class alone
  void addRoutes(Routes routes, Devices devices);

  /// What captures say of a port of one of its devices; empty if it is none.
  default Optional<PortFacts> facts(SwitchPort port) {
    return Optional.empty();
  }

  /// What Prometheus is told of its devices.
  List<Metered<?>> meters();

  /// Its fields of `/status`, in order. A count `things` with another `connectedThings` is shown by
  /// `netback status` too.
  Map<String, Object> status(Devices devices);
}
