package org.netback.xen.bus;

/// Names a device: `backend/<type>/<domid>/<handle>`.
///
/// @param type device class as in the path: "vif", "vbd"
/// @param domid the frontend's domain
/// @param handle the frontend's number for the device
public record DeviceId(String type, int domid, int handle) {
  /// As Linux names the interface: `vif3.0`.
  @Override
  public String toString() {
    return type + domid + '.' + handle;
  }
}
