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
    LEAVING
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
  }

  /// One thing to do.
  enum Step {
    NOTHING,
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
      case ABANDON -> view.rings() == Rings.NONE ? Step.END : Step.DISCONNECT;
    };
  }

  private static Step whenServing(View view) {
    boolean closing = isClosing(view.backend());
    if (view.rings() != Rings.NONE) {
      // A backend that announces itself anew has forgotten these rings.
      if (closing || view.announced()) {
        return Step.DISCONNECT;
      }
      boolean joined =
          view.rings() == Rings.OFFERED && view.backend() == XenbusState.CONNECTED;
      return joined ? Step.ENTER_CONNECTED : Step.NOTHING;
    }
    if (view.announced()) {
      return view.own() == XenbusState.INITIALISING ? Step.CONNECT : Step.ENTER_INITIALISING;
    }
    if (!closing) {
      return Step.NOTHING;
    }
    return switch (view.own()) {
      // A backend that has closed, or is not there yet, finds this end where it can begin.
      case INITIALISING ->
          view.backend() == XenbusState.CLOSING ? Step.ENTER_CLOSED : Step.NOTHING;
      case CLOSED -> view.backend() == XenbusState.CLOSED ? Step.REOPEN : Step.NOTHING;
      case UNKNOWN, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, RECONFIGURING, RECONFIGURED ->
          Step.ENTER_CLOSED;
    };
  }

  private static Step whenClosing(View view) {
    if (mustSayThatItCloses(view)) {
      return Step.ENTER_CLOSING;
    }
    if (view.rings() != Rings.NONE) {
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
