package org.netback.netif;

import org.netback.xen.event.EventChannel;

/// What a queue has in place of its channel until it is started: the channel's handler needs the
/// queue, so the queue is made first.
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
