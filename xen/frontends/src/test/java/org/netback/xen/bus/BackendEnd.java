package org.netback.xen.bus;

import java.util.Optional;
import org.netback.xen.bus.DeviceLifecycle.Step;
import org.netback.xen.bus.DeviceLifecycle.View;

/// A backend's end of a device as [DeviceLifecycle] moves it, without a store: for tests that play
/// a frontend against it.
///
/// @param rings whose rings it is connected to
public record BackendEnd(
    XenbusState state, boolean online, boolean introduced, Rings rings, boolean ending) {
  /// What a backend may be connected to.
  public enum Rings {
    NONE,
    /// Those that the frontend holds.
    CURRENT,
    /// Some that the frontend has let go of.
    STALE
  }

  /// A step that was done.
  ///
  /// @param wrote whether the frontend's watch fires
  public record Stepped(BackendEnd end, boolean wrote) {}

  /// As the toolstack makes a device.
  public static BackendEnd made() {
    return new BackendEnd(XenbusState.INITIALISING, true, false, Rings.NONE, false);
  }

  /// Does what the lifecycle says.
  ///
  /// @param frontend the frontend's state
  /// @param held whether the frontend holds the rings whose keys are in the store
  /// @return empty if there is nothing to do
  public Optional<Stepped> step(XenbusState frontend, boolean held) {
    View view = new View(state, frontend, online, introduced, rings != Rings.NONE, true, ending);
    Step step = DeviceLifecycle.next(view, DeviceStates.USUAL);
    return switch (step) {
      case NOTHING -> Optional.empty();
      case ANNOUNCE -> entered(XenbusState.INIT_WAIT);
      case CONNECT ->
          quietly(new BackendEnd(state, online, true, held ? Rings.CURRENT : Rings.STALE, ending));
      case ENTER_CONNECTED -> entered(XenbusState.CONNECTED);
      case DISCONNECT -> quietly(new BackendEnd(state, online, introduced, Rings.NONE, ending));
      case ENTER_CLOSING -> entered(XenbusState.CLOSING);
      case ENTER_CLOSED -> entered(XenbusState.CLOSED);
      // The toolstack removes the directory.
      case REMOVE -> entered(XenbusState.UNKNOWN);
      case REFUSE, RECREATE -> throw new AssertionError(step + " at " + view);
    };
  }

  private Optional<Stepped> entered(XenbusState next) {
    return Optional.of(new Stepped(new BackendEnd(next, online, true, rings, ending), true));
  }

  private static Optional<Stepped> quietly(BackendEnd end) {
    return Optional.of(new Stepped(end, false));
  }

  /// The bus shuts down.
  public BackendEnd shuttingDown() {
    return new BackendEnd(state, online, introduced, rings, true);
  }

  /// The process has died or ended, and there is another.
  public BackendEnd restarted() {
    return new BackendEnd(state, online, false, Rings.NONE, false);
  }

  /// The toolstack wants the device gone, and has written Closing.
  public BackendEnd unplugged() {
    return new BackendEnd(XenbusState.CLOSING, false, introduced, rings, ending);
  }

  /// The frontend has let go of its rings.
  public BackendEnd abandoned() {
    return new BackendEnd(
        state, online, introduced, rings == Rings.NONE ? Rings.NONE : Rings.STALE, ending);
  }

  /// Whether a bus that shuts down has nothing to wait for.
  public boolean hasEnded() {
    return DeviceLifecycle.hasEnded(
        new View(
            state, XenbusState.UNKNOWN, online, introduced, rings != Rings.NONE, true, ending));
  }
}
