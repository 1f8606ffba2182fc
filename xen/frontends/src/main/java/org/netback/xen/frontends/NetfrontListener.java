package org.netback.xen.frontends;

/// Hears of a [Netfront]'s connection. All calls come on its control loop.
public interface NetfrontListener {
  /// The backend is Connected.
  default void connected(NetfrontFeatures features) {}

  /// The backend has answered whether it maps a queue's buffers for good
  /// ([NetfrontOptions#staticGrants]); if not, all goes on with grant copies.
  default void buffersMapped(int queue, boolean mapped) {}

  /// The backend has closed or gone; the frontend waits for it to come back.
  default void disconnected() {}

  /// The backend does not serve this device, or does not any more, and has said why. The frontend
  /// waits as it does after [#disconnected()]; that it will be served without a change to either
  /// side is unlikely.
  ///
  /// @param message the backend's, from its error node
  default void refused(String message) {}

  /// The frontend has given up: on the negotiation, or on a backend that broke the protocol.
  ///
  /// @param message says what was wrong and where
  default void failed(String message) {}
}
