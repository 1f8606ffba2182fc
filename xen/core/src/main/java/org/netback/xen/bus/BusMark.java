package org.netback.xen.bus;

import java.util.Optional;

/// What the bus is to look at: a device, or a whole class for the devices it has.
///
/// @param id empty for the whole class
record BusMark(String type, Optional<DeviceId> id) {
  static BusMark of(DeviceId id) {
    return new BusMark(id.type(), Optional.of(id));
  }

  /// The device in whose directory a changed path lies; the class if it lies above.
  ///
  /// @param directory of the class
  static BusMark at(String type, String directory, String path) {
    String[] names =
        path.startsWith(directory + '/')
            ? path.substring(directory.length() + 1).split("/", 3)
            : new String[0];
    return new BusMark(
        type, names.length < 2 ? Optional.empty() : DeviceId.parse(type, names[0], names[1]));
  }
}
