package org.netback.xen.bus;

import java.util.Map;
import java.util.Optional;

/// One consistent reading of a frontend's directory: keys relative to it ("queue-1/tx-ring-ref").
/// The values are the guest's and may be anything.
public final class FrontendKeys {
  private final String path;
  private final Map<String, String> values;

  /// @param path of the directory, for messages
  public FrontendKeys(String path, Map<String, String> values) {
    this.path = path;
    this.values = Map.copyOf(values);
  }

  public Optional<String> text(String key) {
    return Optional.ofNullable(values.get(key));
  }

  public boolean has(String key) {
    return values.containsKey(key);
  }

  /// A feature switch: absent is the given default, "0" is off, any other number is on.
  public boolean flag(String key, boolean whenAbsent) throws DeviceException {
    return has(key) ? number(key, 0, Integer.MAX_VALUE) != 0 : whenAbsent;
  }

  /// A decimal number without sign in a range.
  ///
  /// @throws DeviceException if it is absent, has anything but digits, or is out of range
  public long number(String key, long min, long max) throws DeviceException {
    String text = values.get(key);
    if (text == null) {
      throw new DeviceException(path + '/' + key + " is missing");
    }
    boolean digits = !text.isEmpty() && text.length() <= 10;
    for (int i = 0; digits && i < text.length(); i++) {
      digits = text.charAt(i) >= '0' && text.charAt(i) <= '9';
    }
    if (!digits) {
      throw new DeviceException(path + '/' + key + " is not a decimal number");
    }
    long value = Long.parseLong(text);
    if (value < min || value > max) {
      throw new DeviceException(
          path + '/' + key + " is " + value + ", not within " + min + " to " + max);
    }
    return value;
  }
}
