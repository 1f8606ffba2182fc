package org.netback.xen.frontends;

import java.io.IOException;

/// One connection to a backend, made by a [FrontendDriver]: from the publication of its rings to
/// their end. Everything is called on the frontend's control loop.
public interface FrontendConnection {
  /// The rings are in the store, and the state says so.
  default void published() {}

  /// The backend is Connected. Called at most once.
  ///
  /// @throws IOException what the backend has written for the connection makes no sense: the
  ///   frontend gives the connection up
  void connected(BackendKeys backend) throws IOException;

  /// Lets go of rings and channels.
  ///
  /// @param done to be called once, on any thread, when nothing of the driver's touches the offer's
  ///   pages any more
  void disconnect(Runnable done);
}
