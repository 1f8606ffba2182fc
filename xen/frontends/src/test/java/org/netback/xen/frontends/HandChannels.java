package org.netback.xen.frontends;

import java.util.HashMap;
import java.util.Map;
import org.netback.loop.EventLoop;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventHandler;

/// The guest's event channels, whose other ends are the test's.
final class HandChannels implements EventChannels {
  final Map<Integer, HandChannel> open = new HashMap<>();
  private int nextPort = 1;

  @Override
  public EventChannel bind(int remoteDomid, int remotePort, EventLoop loop, EventHandler handler) {
    throw new UnsupportedOperationException("a frontend offers, it does not bind");
  }

  @Override
  public EventChannel allocate(int remoteDomid, EventLoop loop, EventHandler handler) {
    HandChannel channel = new HandChannel(nextPort++, loop, handler);
    open.put(channel.port, channel);
    return channel;
  }

  /// The backend notifies the guest.
  void raise(int port) {
    HandChannel channel = open.get(port);
    if (channel != null) {
      channel.loop.execute(
          () -> {
            if (open.containsKey(port)) {
              channel.handler.onEvent();
            }
          });
    }
  }

  /// How often the guest has notified on a port since this was last asked.
  int takeNotifications(int port) {
    HandChannel channel = open.get(port);
    if (channel == null) {
      throw new IllegalArgumentException("port " + port + " is not open");
    }
    int count = channel.notifications;
    channel.notifications = 0;
    return count;
  }

  final class HandChannel implements EventChannel {
    private final int port;
    private final EventLoop loop;
    private final EventHandler handler;
    private int notifications;

    HandChannel(int port, EventLoop loop, EventHandler handler) {
      this.port = port;
      this.loop = loop;
      this.handler = handler;
    }

    @Override
    public int port() {
      return port;
    }

    @Override
    public void notifyPeer() {
      notifications++;
    }

    @Override
    public void close() {
      open.remove(port);
    }
  }
}
