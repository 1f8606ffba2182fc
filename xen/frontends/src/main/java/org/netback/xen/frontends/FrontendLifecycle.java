package org.netback.xen.frontends;

import org.netback.xen.bus.XenbusState;

/// What a frontend does next, judged from both ends' states and from what it holds. Pure: a
/// [Frontend] looks at the backend, asks, does the one step, and asks again until there is nothing
/// to do. It is the counterpart of the bus's `DeviceLifecycle`.
///
/// Both ends may skip states that the other has not looked at, so no step waits for a state that
/// the backend only passes through.
final class FrontendLifecycle {
  private FrontendLifecycle() {}

  /// What the guest wants of the device.
  enum Purpose {
    SERVE,
    /// Close it in step with the backend.
    CLOSE,
    /// Let go of it without a word to the backend, as a crashed guest does.
    ABANDON
  }

  /// What has become of the rings and channels of a connection.
  enum Rings {
    NONE,
    /// Published, and the backend has not been seen Connected since.
    OFFERED,
    IN_USE,
    /// The driver lets go of them, which may take turns of other loops.
    LEAVING,
    /// None, since connecting has failed or the backend is not believed any more. Nothing is tried
    /// before the backend closes or announces itself anew.
    GIVEN_UP;

    boolean areHeld() {
      return this == OFFERED || this == IN_USE;
    }
  }

  /// What is known of a device.
  ///
  /// @param backend the backend's state when it was last looked at; [XenbusState#UNKNOWN] also if
  ///   its directory is gone
  /// @param own the frontend's state, as it has written it
  /// @param announced whether the backend is in InitWait, and nothing has been tried since it
  ///   entered it
  record View(
      XenbusState backend, XenbusState own, Rings rings, boolean announced, Purpose purpose) {
    public View {
      if (announced && backend != XenbusState.INIT_WAIT) {
        throw new IllegalArgumentException("announced by a backend in " + backend);
      }
    }

    /// What is known before either end has been looked at.
    static final View NONE =
        new View(XenbusState.UNKNOWN, XenbusState.UNKNOWN, Rings.NONE, false, Purpose.SERVE);

    /// The backend has written its state, which is this now. A backend that says InitWait once more
    /// has announced itself anew, and a frontend that could do nothing with the first announcement
    /// tries again, as Linux's does.
    View withBackend(XenbusState now) {
      boolean again =
          now == XenbusState.INIT_WAIT
              && own == XenbusState.INITIALISING
              && (rings == Rings.NONE || rings == Rings.GIVEN_UP)
              && purpose == Purpose.SERVE;
      return now == backend && !again
          ? this
          : new View(now, own, rings, now == XenbusState.INIT_WAIT, purpose);
    }

    /// This end has written its state.
    View withOwn(XenbusState entered) {
      return new View(backend, entered, rings, announced, purpose);
    }

    View withRings(Rings changed) {
      return new View(backend, own, changed, announced, purpose);
    }

    /// The announcement is being tried.
    View tried() {
      return new View(backend, own, rings, false, purpose);
    }

    /// What the guest wants now: it does not want less of an end than it has wanted before.
    View withPurpose(Purpose wanted) {
      return wanted.compareTo(purpose) > 0
          ? new View(backend, own, rings, announced, wanted)
          : this;
    }
  }

  /// One thing to do.
  enum Step {
    NOTHING,
    /// And look at the backend once more: it may have connected to rings that are not held any
    /// more, and must be given the time to let go of them.
    ENTER_INITIALISING,
    /// Make rings and channels, publish them, and enter the state of the driver's choice.
    CONNECT,
    /// The backend is Connected: tell the driver, and enter Connected if that is not yet done.
    ENTER_CONNECTED,
    DISCONNECT,
    ENTER_CLOSING,
    ENTER_CLOSED,
    /// Both ends are Closed: enter Initialising after a while.
    REOPEN,
    /// Nothing is held, and nothing is awaited of the backend.
    END
  }

  /// The next step, of which [Frontend] asks again when it has been done.
  static Step next(View view) {
    if (view.rings() == Rings.LEAVING) {
      return mustSayThatItCloses(view) ? Step.ENTER_CLOSING : Step.NOTHING;
    }
    return switch (view.purpose()) {
      case SERVE -> whenServing(view);
      case CLOSE -> whenClosing(view);
      case ABANDON -> view.rings().areHeld() ? Step.DISCONNECT : Step.END;
    };
  }

  private static Step whenServing(View view) {
    boolean closing = isClosing(view.backend());
    if (view.rings().areHeld()) {
      // A backend that announces itself anew has forgotten these rings.
      if (closing || view.announced()) {
        return Step.DISCONNECT;
      }
      boolean joined = view.rings() == Rings.OFFERED && view.backend() == XenbusState.CONNECTED;
      return joined ? Step.ENTER_CONNECTED : Step.NOTHING;
    }
    if (view.announced()) {
      return view.own() == XenbusState.INITIALISING ? Step.CONNECT : Step.ENTER_INITIALISING;
    }
    if (!closing) {
      // A backend may take what is still in the store for rings that are held, if it has come back
      // while this end was letting go of them.
      boolean misleads =
          view.rings() == Rings.NONE
              && view.own() != XenbusState.INITIALISING
              && view.own() != XenbusState.CLOSED;
      return misleads ? Step.ENTER_INITIALISING : Step.NOTHING;
    }
    return switch (view.own()) {
      // A backend that has closed, or is not there yet, finds this end where it can begin.
      case INITIALISING -> view.backend() == XenbusState.CLOSING ? Step.ENTER_CLOSED : Step.NOTHING;
      case CLOSED -> view.backend() == XenbusState.CLOSED ? Step.REOPEN : Step.NOTHING;
      case UNKNOWN, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, RECONFIGURING, RECONFIGURED ->
          Step.ENTER_CLOSED;
    };
  }

  private static Step whenClosing(View view) {
    if (mustSayThatItCloses(view)) {
      return Step.ENTER_CLOSING;
    }
    if (view.rings().areHeld()) {
      return Step.DISCONNECT;
    }
    if (!isClosing(view.backend())) {
      return Step.NOTHING;
    }
    if (view.own() != XenbusState.CLOSED) {
      return Step.ENTER_CLOSED;
    }
    return view.backend() == XenbusState.CLOSING ? Step.NOTHING : Step.END;
  }

  private static boolean mustSayThatItCloses(View view) {
    return view.purpose() == Purpose.CLOSE
        && view.own() != XenbusState.CLOSING
        && view.own() != XenbusState.CLOSED;
  }

  private static boolean isClosing(XenbusState backend) {
    return switch (backend) {
      case CLOSING, CLOSED, UNKNOWN -> true;
      case INITIALISING, INIT_WAIT, INITIALISED, CONNECTED, RECONFIGURING, RECONFIGURED -> false;
    };
  }
}
