package org.netback.xen.bus;

/// What a backend does next, judged from both ends' states alone. Pure: [BackendBus] looks at a
/// device, asks, does the one step, and asks again until there is nothing to do. Where device
/// classes differ, their [DeviceStates] say how; `docs/architecture.md` has the diagram.
///
/// Nothing here remembers what was seen before, since a state may have been skipped or overwritten
/// before anyone looked, and the process that saw it may have died: what counts is where both ends
/// stand now. The one rule that reaches over several steps is that a device never goes to Closed
/// but from Closing, because frontends wait for either in turn (Windows' spins for them).
final class DeviceLifecycle {
  private DeviceLifecycle() {}

  /// What is known of a device.
  ///
  /// @param backend the backend's state in the store, which a toolstack may have written too
  /// @param frontend the frontend's state; [XenbusState#UNKNOWN] also if its directory is gone
  /// @param online false if the toolstack wants the device gone once it has closed
  /// @param introduced whether this process has announced or connected the device before
  /// @param attached whether this process is connected to the frontend's rings
  /// @param served false if the device's own directory is wrong, so that it can only be closed
  /// @param ending whether the bus is shutting down
  record View(
      XenbusState backend,
      XenbusState frontend,
      boolean online,
      boolean introduced,
      boolean attached,
      boolean served,
      boolean ending) {}

  /// One thing to do.
  enum Step {
    NOTHING,
    /// Write the features, then the state InitWait.
    ANNOUNCE,
    /// Write why the device cannot be served where the toolstack's script finds it, then the state
    /// InitWait, for which the toolstack waits before it runs the script.
    REFUSE,
    CONNECT,
    ENTER_CONNECTED,
    DISCONNECT,
    ENTER_CLOSING,
    ENTER_CLOSED,
    /// The device is gone for good, for this process.
    REMOVE,
    /// The toolstack has made a new device of the same name: forget the old, look again.
    RECREATE
  }

  /// Where the frontend stands, as far as that matters to a backend.
  private enum Frontend {
    /// Wants to begin (again).
    STARTING,
    /// Has published its rings.
    READY,
    /// In a state that says nothing to a backend of the class.
    BUSY,
    CLOSING,
    /// Closed, or its directory is gone.
    GONE
  }

  private static Frontend standing(XenbusState frontend, DeviceStates states) {
    if (states.published().contains(frontend)) {
      return Frontend.READY;
    }
    return switch (frontend) {
      case INITIALISING -> Frontend.STARTING;
      case INIT_WAIT, INITIALISED, CONNECTED, RECONFIGURING, RECONFIGURED -> Frontend.BUSY;
      case CLOSING -> Frontend.CLOSING;
      case CLOSED, UNKNOWN -> Frontend.GONE;
    };
  }

  /// The next step, of which [BackendBus] asks again when it has been done.
  ///
  /// @param states of the device's class
  static Step next(View view, DeviceStates states) {
    Frontend frontend = standing(view.frontend(), states);
    return switch (view.backend()) {
      // Not yet written, or being removed: the toolstack is at it.
      case UNKNOWN -> Step.NOTHING;
      case INITIALISING -> whenInitialising(view);
      case INIT_WAIT -> whenInitWait(view, frontend);
      case CONNECTED -> whenConnected(view, frontend);
      case CLOSING -> whenClosing(view, frontend);
      case CLOSED -> whenClosed(view, frontend);
      // A toolstack may have written these; backends enter them only where their class has a use.
      case INITIALISED ->
          states.known().contains(view.backend()) ? whenInitWait(view, frontend) : startOver(view);
      case RECONFIGURING, RECONFIGURED ->
          states.known().contains(view.backend()) ? whenConnected(view, frontend) : startOver(view);
    };
  }

  /// From where every frontend knows its way.
  private static Step startOver(View view) {
    return view.attached() ? Step.DISCONNECT : Step.ENTER_CLOSING;
  }

  private static Step whenInitialising(View view) {
    if (view.introduced()) {
      return view.attached() ? Step.DISCONNECT : Step.RECREATE;
    }
    if (view.ending() || !view.online()) {
      return Step.NOTHING;
    }
    // A frontend that is not there yet is being made by the toolstack.
    if (view.frontend() == XenbusState.UNKNOWN) {
      return view.served() ? Step.NOTHING : Step.ENTER_CLOSING;
    }
    return view.served() ? Step.ANNOUNCE : Step.REFUSE;
  }

  private static Step whenInitWait(View view, Frontend frontend) {
    if (view.attached()) {
      return switch (frontend) {
        case READY -> {
          if (view.ending()) {
            yield Step.ENTER_CLOSING;
          }
          yield Step.ENTER_CONNECTED;
        }
        case BUSY -> view.ending() ? Step.ENTER_CLOSING : Step.NOTHING;
        case STARTING, CLOSING, GONE -> Step.DISCONNECT;
      };
    }
    if (view.ending()) {
      return Step.ENTER_CLOSING;
    }
    return switch (frontend) {
      case READY -> view.served() ? Step.CONNECT : Step.ENTER_CLOSING;
      // What a process before this one has announced may not be what this one can do.
      case STARTING, BUSY -> {
        if (view.introduced() || !view.online()) {
          yield Step.NOTHING;
        }
        yield view.served() ? Step.ANNOUNCE : Step.REFUSE;
      }
      case CLOSING, GONE -> Step.ENTER_CLOSING;
    };
  }

  private static Step whenConnected(View view, Frontend frontend) {
    if (view.attached()) {
      return switch (frontend) {
        case READY, BUSY -> view.ending() ? Step.ENTER_CLOSING : Step.NOTHING;
        // STARTING: rebooted, reloaded or replaced by kexec, without a word.
        case STARTING, CLOSING, GONE -> Step.DISCONNECT;
      };
    }
    if (view.ending() || !view.served()) {
      return Step.ENTER_CLOSING;
    }
    return switch (frontend) {
      // A process before this one has died or handed over, and the frontend has not noticed.
      case READY -> Step.CONNECT;
      case BUSY -> Step.NOTHING;
      case STARTING, CLOSING, GONE -> Step.ENTER_CLOSING;
    };
  }

  private static Step whenClosing(View view, Frontend frontend) {
    return switch (frontend) {
      // The frontend is told by our state, and may use its rings until it has let go of them.
      case READY, BUSY -> Step.NOTHING;
      case CLOSING -> view.attached() ? Step.DISCONNECT : Step.NOTHING;
      case STARTING, GONE -> view.attached() ? Step.DISCONNECT : Step.ENTER_CLOSED;
    };
  }

  private static Step whenClosed(View view, Frontend frontend) {
    if (view.attached()) {
      return Step.DISCONNECT;
    }
    if (view.ending()) {
      return Step.NOTHING;
    }
    if (!view.online()) {
      return Step.REMOVE;
    }
    return switch (frontend) {
      case STARTING -> {
        if (view.served()) {
          yield Step.ANNOUNCE;
        }
        // Said once: a frontend that tries again and again would be told again and again.
        yield view.introduced() ? Step.NOTHING : Step.REFUSE;
      }
      case READY -> view.served() ? Step.ANNOUNCE : Step.NOTHING;
      case BUSY, CLOSING, GONE -> Step.NOTHING;
    };
  }

  /// Whether a bus that shuts down has nothing to wait for at this device.
  static boolean hasEnded(View view) {
    return !view.attached()
        && switch (view.backend()) {
          case UNKNOWN, INITIALISING, CLOSED -> true;
          case INIT_WAIT, INITIALISED, CONNECTED, CLOSING, RECONFIGURING, RECONFIGURED -> false;
        };
  }
}
