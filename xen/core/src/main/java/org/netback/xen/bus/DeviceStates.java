package org.netback.xen.bus;

import java.util.EnumSet;
import java.util.Set;

/// What a device class makes of the states of io/xenbus.h, where classes differ.
///
/// @param published the frontend's states in which its rings are published and can be connected;
///   Connected is one of them
/// @param known the backend's states that mean something to the class. Initialised is then taken as
///   InitWait, and Reconfiguring and Reconfigured as Connected: the device is left as it is. A
///   device that is found in another state starts over
public record DeviceStates(Set<XenbusState> published, Set<XenbusState> known) {
  /// Every backend's, since [DeviceLifecycle] enters them itself.
  private static final Set<XenbusState> COMMON =
      EnumSet.of(
          XenbusState.INITIALISING,
          XenbusState.INIT_WAIT,
          XenbusState.CONNECTED,
          XenbusState.CLOSING,
          XenbusState.CLOSED);

  private static final Set<XenbusState> MAY_HAVE_PUBLISHED =
      EnumSet.of(
          XenbusState.INIT_WAIT,
          XenbusState.INITIALISED,
          XenbusState.CONNECTED,
          XenbusState.RECONFIGURING,
          XenbusState.RECONFIGURED);

  /// What vif, vbd, vfb, vkbd and console have in common: the frontend publishes its rings, then
  /// enters Initialised, or at once Connected.
  public static final DeviceStates USUAL =
      new DeviceStates(EnumSet.of(XenbusState.INITIALISED, XenbusState.CONNECTED), COMMON);

  public DeviceStates {
    published = Set.copyOf(published);
    known = Set.copyOf(known);
    if (!MAY_HAVE_PUBLISHED.containsAll(published) || !published.contains(XenbusState.CONNECTED)) {
      throw new IllegalArgumentException("rings published in " + published);
    }
    if (!known.containsAll(COMMON) || known.contains(XenbusState.UNKNOWN)) {
      throw new IllegalArgumentException("backend states " + known);
    }
  }
}
