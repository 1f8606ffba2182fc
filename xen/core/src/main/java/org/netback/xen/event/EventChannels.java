package org.netback.xen.event;

import java.io.IOException;
import org.netback.loop.EventLoop;

/// A domain's event channels (public/event_channel.h).
public interface EventChannels {
  /// Binds to a port that the remote domain has offered to this one, and calls the handler on the
  /// loop for each notification from then on. A notification sent before the binding may be lost:
  /// look for work once after it.
  ///
  /// @throws IOException if the remote port does not exist, is offered to another domain or is
  ///   taken
  EventChannel bind(int remoteDomid, int remotePort, EventLoop loop, EventHandler handler)
      throws IOException;

  /// Offers a new port to a remote domain (`EVTCHNOP_alloc_unbound`): what frontends do.
  EventChannel allocate(int remoteDomid, EventLoop loop, EventHandler handler) throws IOException;
}
