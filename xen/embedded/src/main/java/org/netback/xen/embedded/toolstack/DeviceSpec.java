package org.netback.xen.embedded.toolstack;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/// A device that a guest is to get, as the toolstack writes it: what all devices have (the two
/// directories, their links, states and permissions), and the class's own keys.
///
/// @param type of the class: "vif"
/// @param handle of the device among the guest's of this class
/// @param backend keys of the backend's directory, which the guest may read
/// @param frontend keys of the frontend's directory, which the guest may write
/// @param frontendReadOnly keys of the frontend's directory that the guest may only read
public record DeviceSpec(
    String type,
    int handle,
    Map<String, String> backend,
    Map<String, String> frontend,
    Map<String, String> frontendReadOnly) {
  private static final Pattern TYPE = Pattern.compile("[a-z][a-z0-9]{0,15}");
  private static final Pattern KEY = Pattern.compile("[a-z][a-z0-9-]{0,63}");

  /// xenstored's bound on a value is 4096 octets.
  private static final Pattern VALUE = Pattern.compile("[ -~]{0,1000}");

  private static final int MOST_KEYS = 32;
  private static final int MOST_HANDLE = 1 << 20;

  public DeviceSpec {
    if (!TYPE.matcher(type).matches() || handle < 0 || handle > MOST_HANDLE) {
      throw new IllegalArgumentException("device " + type + ' ' + handle);
    }
    backend = checked(backend);
    frontend = checked(frontend);
    frontendReadOnly = checked(frontendReadOnly);
  }

  private static Map<String, String> checked(Map<String, String> keys) {
    if (keys.size() > MOST_KEYS) {
      throw new IllegalArgumentException(keys.size() + " keys, more than " + MOST_KEYS);
    }
    keys.forEach(
        (key, value) -> {
          boolean ours =
              switch (key) {
                case "frontend", "frontend-id", "backend", "backend-id", "state", "online" -> true;
                default -> false;
              };
          if (ours || !KEY.matcher(key).matches() || !VALUE.matcher(value).matches()) {
            throw new IllegalArgumentException("key " + key + " is " + value);
          }
        });
    return Map.copyOf(new LinkedHashMap<>(keys));
  }

  /// A console other than the primary (libxl_console.c).
  ///
  /// @param number 1 or more
  /// @param name by which the guest knows what it is for
  public static DeviceSpec console(int number, String name) {
    Map<String, String> keys =
        Map.of(
            "type", "xenconsoled",
            "output", "pty",
            "name", name,
            "protocol", "vt100",
            "limit", "1048576");
    return new DeviceSpec("console", number, keys, Map.of(), keys);
  }
}
