package org.netback.xen.frontends;

/// Hears of a [Netfront]'s connection. All calls come on its control loop.
public interface NetfrontListener extends FrontendListener {
  /// The backend is Connected.
  default void connected(NetfrontFeatures features) {}

  /// The backend has answered whether it maps a queue's buffers for good
  /// ([NetfrontOptions#staticGrants]); if not, all goes on with grant copies.
  default void buffersMapped(int queue, boolean mapped) {}
}
