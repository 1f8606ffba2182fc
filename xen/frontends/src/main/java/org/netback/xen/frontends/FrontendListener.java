package org.netback.xen.frontends;

/// Hears how a [Frontend] fares, whatever the device's class. All calls come on its control loop.
///
/// What is wrong is said here and nowhere else.
public interface FrontendListener {
  /// The backend has closed or gone; the frontend waits for it to come back.
  default void disconnected() {}

  /// The backend does not serve this device, or does not any more, and has said why. The frontend
  /// waits as it does after [#disconnected()]; that it will be served without a change to either
  /// side is unlikely.
  ///
  /// @param message the backend's, from its error node
  void refused(String message);

  /// The frontend has given up: on the negotiation, or on a backend that broke the protocol.
  ///
  /// @param message says what was wrong and where
  void failed(String message);
}
