package org.netback.xen.bus;

import java.util.Optional;

/// Names a device: `backend/<type>/<domid>/<handle>`.
///
/// @param type device class as in the path: "vif", "vbd"
/// @param domid the frontend's domain
/// @param handle the frontend's number for the device
public record DeviceId(String type, int domid, int handle) {
  /// A device as the names of its directories say, if they are numbers.
  static Optional<DeviceId> parse(String type, String domid, String handle) {
    int domain = PathNumber.domid(domid);
    int number = PathNumber.parse(handle);
    return domain < 0 || number < 0
        ? Optional.empty()
        : Optional.of(new DeviceId(type, domain, number));
  }

  /// As Linux names the interface: `vif3.0`.
  @Override
  public String toString() {
    return type + domid + '.' + handle;
  }
}
