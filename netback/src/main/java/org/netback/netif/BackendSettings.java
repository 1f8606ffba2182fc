package org.netback.netif;

import java.util.Optional;
import java.util.regex.Pattern;
import org.netback.xen.bus.BackendDevice;
import org.netback.xen.bus.DeviceException;
import org.netback.xen.store.StoreException;

/// What the toolstack wrote into a vif's backend directory (xl-network-configuration): the
/// operator's choices, which a guest cannot write.
///
/// @param network that its frames are switched in (`bridge`); empty for the default
/// @param name of its port: `vifname`, or `vif3.0` where none is given
/// @param mac the guest's address, as written; empty if unknown
/// @param ip the guest's addresses with spaces between, as written; empty if unknown
/// @param mtu octets of payload that the guest is told to send at most
public record BackendSettings(String network, String name, String mac, String ip, int mtu) {
  private static final int DEFAULT_MTU = 1500;
  private static final int LEAST_MTU = 68;

  /// An Ethernet header less than what a frame's length can say.
  private static final int MOST_MTU = 65_535 - 14;

  /// What Linux takes for an interface's name, and what fits into a table.
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,15}");

  /// @throws DeviceException a key has a value that makes no sense
  static BackendSettings read(BackendDevice device) throws DeviceException {
    try {
      String name = key(device, "vifname").orElse(device.id().toString());
      if (!NAME.matcher(name).matches()) {
        throw new DeviceException(
            "vifname is \"" + name + "\", not 1 to 15 letters, digits, dots, hyphens, underscores");
      }
      return new BackendSettings(
          key(device, "bridge").orElse(""),
          name,
          key(device, "mac").orElse(""),
          key(device, "ip").orElse(""),
          mtu(key(device, "mtu")));
    } catch (StoreException e) {
      throw new DeviceException("xenstore: " + e.getMessage(), e);
    }
  }

  private static int mtu(Optional<String> text) throws DeviceException {
    if (text.isEmpty()) {
      return DEFAULT_MTU;
    }
    try {
      int mtu = Integer.parseInt(text.get());
      if (mtu >= LEAST_MTU && mtu <= MOST_MTU) {
        return mtu;
      }
    } catch (NumberFormatException e) {
      // said below
    }
    throw new DeviceException(
        "mtu is \"" + text.get() + "\", not a number from " + LEAST_MTU + " to " + MOST_MTU);
  }

  private static Optional<String> key(BackendDevice device, String key) throws StoreException {
    return device.backendKey(key).filter(value -> !value.isEmpty());
  }
}
