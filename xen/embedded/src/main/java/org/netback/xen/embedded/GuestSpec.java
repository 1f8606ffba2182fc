package org.netback.xen.embedded;

import java.util.List;
import java.util.regex.Pattern;

/// A guest to create.
///
/// @param name 1 to 64 letters, digits and `_.-`; unique among those that live
/// @param vifs its network devices, whose handles are their places in the list
public record GuestSpec(String name, DomainSize size, List<VifSpec> vifs) {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.-]{1,64}");
  private static final int MAX_VIFS = 8;

  public GuestSpec {
    vifs = List.copyOf(vifs);
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "guest is named by 1 to 64 letters, digits and _.- only: " + name);
    }
    if (vifs.size() > MAX_VIFS) {
      throw new IllegalArgumentException(
          "guest " + name + " has " + vifs.size() + " vifs, more than " + MAX_VIFS);
    }
  }

  /// A guest of the usual size with one vif, its address made from its name.
  public static GuestSpec of(String name, String network) {
    return new GuestSpec(name, DomainSize.DEFAULT, List.of(VifSpec.named(name, 0, network)));
  }
}
