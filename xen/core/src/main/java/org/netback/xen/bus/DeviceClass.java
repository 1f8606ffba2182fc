package org.netback.xen.bus;

import java.util.Optional;

/// What a device class brings of its own. [BackendBus] knows no class: whatever it does differently
/// for one stands here.
///
/// @param type as in a device's path, `backend/<type>/<domid>/<handle>`: "vif"
/// @param factory makes the backend of each device
/// @param states what the class makes of the states of both ends
/// @param hasHotplugNodes whether the toolstack waits at the backend directory for a hotplug script
///   (`hotplug-status`, `hotplug-error`), whose part the bus then plays. Of a class without a
///   script nothing is written there
/// @param kernelDriver the kernel's backend that would bind the class's devices in this domain,
///   empty if the kernel has none
/// @param bounds on what a frontend may write
public record DeviceClass(
    String type,
    DeviceBackend.Factory factory,
    DeviceStates states,
    boolean hasHotplugNodes,
    Optional<KernelDriver> kernelDriver,
    KeyBounds bounds) {
  public DeviceClass {
    if (type.isEmpty() || type.indexOf('/') >= 0) {
      throw new IllegalArgumentException("device class \"" + type + '"');
    }
  }

  /// A backend of the kernel's.
  ///
  /// @param name the driver's in `/sys/bus/xen-backend/drivers`: "vif"
  /// @param module that has it, with hyphens, as people load it: "xen-netback"
  public record KernelDriver(String name, String module) {}
}
