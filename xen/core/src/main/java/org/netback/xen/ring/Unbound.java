package org.netback.xen.ring;

import org.netback.xen.event.EventChannel;

/// What a service has in place of its channel until it is started: the channel's handler needs the
/// service, so the service is made first.
enum Unbound implements EventChannel {
  CHANNEL;

  @Override
  public int port() {
    return 0;
  }

  @Override
  public void notifyPeer() {}

  @Override
  public void close() {}
}
