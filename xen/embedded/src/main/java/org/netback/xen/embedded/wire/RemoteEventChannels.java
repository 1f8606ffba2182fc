package org.netback.xen.embedded.wire;

import java.io.IOException;
import java.util.List;
import org.netback.loop.EventLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.embedded.event.EventfdPair;
import org.netback.xen.embedded.event.LocalChannel;
import org.netback.xen.embedded.wire.GroundClient.Answer;
import org.netback.xen.embedded.wire.GroundMessage.ClosePort;
import org.netback.xen.embedded.wire.GroundMessage.PortOpened;
import org.netback.xen.embedded.wire.GroundMessage.Request;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventHandler;

/// Event channels of a domain whose ground is another process.
///
/// @param ground the connection that acts for the domain
public record RemoteEventChannels(GroundClient ground) implements EventChannels {
  @Override
  public EventChannel bind(int remoteDomid, int remotePort, EventLoop loop, EventHandler handler)
      throws IOException {
    LocalChannel bound = open(new GroundMessage.Bind(remoteDomid, remotePort), loop, handler);
    // What was rung while nobody was bound may be lost: make it up, as Xen does.
    bound.ring();
    return bound;
  }

  @Override
  public EventChannel allocate(int remoteDomid, EventLoop loop, EventHandler handler)
      throws IOException {
    return open(new GroundMessage.Allocate(remoteDomid), loop, handler);
  }

  /// The primary console's port.
  public EventChannel openConsole(EventLoop loop, EventHandler handler) throws IOException {
    return open(new GroundMessage.OpenConsole(), loop, handler);
  }

  private LocalChannel open(Request request, EventLoop loop, EventHandler handler)
      throws IOException {
    if (!(loop instanceof NettyLoop)) {
      throw new IllegalArgumentException("a channel to another process needs a NettyLoop");
    }
    Answer answer = ground.ask(request);
    List<Integer> descriptors = answer.descriptors();
    if (!(answer.reply() instanceof PortOpened(int port)) || descriptors.size() != 2) {
      answer.closeDescriptors();
      throw new IOException(
          "the ground answered with " + answer.reply() + " and " + descriptors.size() + " fds");
    }
    LocalChannel channel = new LocalChannel(port, loop, handler, () -> close(port));
    channel.connect(EventfdPair.adopt(descriptors.get(0), descriptors.get(1)));
    return channel;
  }

  private void close(int port) {
    try {
      Answer _ = ground.ask(new ClosePort(port));
    } catch (IOException e) {
      // The connection has gone, and the port with it.
      return;
    }
  }
}
