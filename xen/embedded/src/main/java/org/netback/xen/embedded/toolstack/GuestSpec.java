package org.netback.xen.embedded.toolstack;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.netback.xen.embedded.memory.DomainSize;

/// A guest to create.
///
/// @param name 1 to 64 letters, digits and `_.-`; unique among those that live
/// @param devices no two of one class with the same handle
public record GuestSpec(String name, DomainSize size, List<DeviceSpec> devices) {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.-]{1,64}");
  private static final int MAX_DEVICES = 16;

  public GuestSpec {
    devices = List.copyOf(devices);
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "the name of a guest has 1 to 64 letters, digits and _.- only: " + name);
    }
    if (devices.size() > MAX_DEVICES) {
      throw new IllegalArgumentException(
          "guest " + name + " has " + devices.size() + " devices, more than " + MAX_DEVICES);
    }
    Set<String> places = new HashSet<>();
    for (DeviceSpec device : devices) {
      if (!places.add(device.type() + '/' + device.handle())) {
        throw new IllegalArgumentException(
            "guest " + name + " has " + device.type() + ' ' + device.handle() + " twice");
      }
    }
  }

  /// A guest of the usual size with one vif, its address made from its name.
  public static GuestSpec of(String name, String network) {
    return new GuestSpec(
        name, DomainSize.DEFAULT, List.of(VifSpec.named(name, 0, network).device(0)));
  }
}
