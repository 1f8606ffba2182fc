package org.netback.xen.embedded.toolstack;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/// A network device that a guest is to get.
///
/// @param network what its frames are switched in; the backend directory's `bridge`
/// @param mac as six octets of two hexadecimal digits with colons between
/// @param mtu octets of payload, 68 to 65517
public record VifSpec(String network, String mac, int mtu) {
  public static final int DEFAULT_MTU = 1500;

  private static final Pattern NETWORK = Pattern.compile("[A-Za-z0-9_.-]{1,64}");
  private static final Pattern MAC = Pattern.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}");

  public VifSpec {
    mac = mac.toLowerCase(Locale.ROOT);
    if (!NETWORK.matcher(network).matches()) {
      throw new IllegalArgumentException(
          "the name of a network has 1 to 64 letters, digits and _.- only: " + network);
    }
    if (!MAC.matcher(mac).matches() || (Integer.parseInt(mac.substring(0, 2), 16) & 1) != 0) {
      throw new IllegalArgumentException("no unicast MAC address: " + mac);
    }
    if (mtu < 68 || mtu > 65_517) {
      throw new IllegalArgumentException("MTU " + mtu + " is not within 68 to 65517");
    }
  }

  /// What the toolstack writes for it (libxl_nic.c). It has no `script`, as where the backend's
  /// daemon connects a vif itself.
  public DeviceSpec device(int handle) {
    String number = Integer.toString(handle);
    Map<String, String> backend = new HashMap<>();
    backend.put("mac", mac);
    if (mtu != DEFAULT_MTU) {
      backend.put("mtu", Integer.toString(mtu));
    }
    backend.put("bridge", network);
    backend.put("handle", number);
    backend.put("type", "vif");
    backend.put("hotplug-status", "");
    return new DeviceSpec(
        "vif",
        handle,
        backend,
        Map.of("handle", number, "mac", mac, "trusted", "1"),
        Map.of("mtu", Integer.toString(mtu)));
  }

  /// A device with an address made from the guest's name, in Xen's own range 00:16:3e: a guest that
  /// attaches again, to a ground that has forgotten it, is to keep its address.
  public static VifSpec named(String guestName, int handle, String network) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest((guestName + '/' + handle).getBytes(StandardCharsets.UTF_8));
      return new VifSpec(
          network,
          String.format(
              Locale.ROOT,
              "00:16:3e:%02x:%02x:%02x",
              digest[0] & 0x7f,
              digest[1] & 0xff,
              digest[2] & 0xff),
          DEFAULT_MTU);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
