package org.netback.xen.frontends;

import java.io.IOException;
import org.netback.xen.bus.XenbusState;

/// What a device class does at a guest's end of a device; [Frontend] does what is the same for all.
/// Everything is called on the frontend's control loop.
public interface FrontendDriver {
  /// The state to enter when the rings are published: Initialised if the class waits for the
  /// backend's Connected before it enters Connected itself, otherwise Connected.
  XenbusState whenPublished();

  /// Judges what a backend in InitWait announces, makes rings and channels for it, and says in the
  /// offer what is to be published. Nothing is visible to the backend before this returns.
  ///
  /// @param offer owns what is made through it; it ends that too if this throws
  /// @throws MissingFeatureException the backend lacks something that the driver cannot do without
  /// @throws IOException the ground refuses, or what the backend has written makes no sense
  FrontendConnection connect(BackendKeys backend, Offer offer) throws IOException;
}
