package org.netback.daemon.control;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import org.netback.loop.InternalErrors;

/// A connection that carries raw octets both ways between a client and a [Duplex]: one of the
/// control API that was upgraded, or one to a socket of its own. Confined to the channel's loop.
final class DuplexConnection extends ChannelInboundHandlerAdapter {
  private final Channel channel;
  private final Duplex duplex;
  private final InternalErrors errors;
  private final Outlet outlet;

  /// Octets that came while the duplex was paused: those that were on their way.
  private final Deque<byte[]> held = new ArrayDeque<>();

  private boolean inputEnded;
  private boolean endTold;

  /// Whether the duplex has been told that it may begin.
  private boolean opened;

  /// @param inputEnded whether the client sends no more than what has been read already
  DuplexConnection(Channel channel, Duplex duplex, InternalErrors errors, boolean inputEnded) {
    this.channel = channel;
    this.duplex = duplex;
    this.errors = errors;
    this.inputEnded = inputEnded;
    this.outlet = new Outlet(channel, Outlet.Framing.NONE, this::deliver);
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    open();
  }

  /// Begins, on a channel that is active already.
  void open() {
    opened = true;
    guard(() -> duplex.onOpen(outlet));
    deliver();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    try {
      if (message instanceof ByteBuf octets) {
        held.add(ByteBufUtil.getBytes(octets));
        deliver();
      }
    } finally {
      ReferenceCountUtil.release(message);
    }
  }

  /// Hands the client's octets on, as far as they are wanted, and then their end.
  private void deliver() {
    if (!opened) {
      return;
    }
    while (!held.isEmpty() && !outlet.isPaused()) {
      byte[] octets = held.remove();
      guard(() -> duplex.onOctets(octets));
    }
    if (!held.isEmpty() || outlet.isPaused()) {
      return;
    }
    if (!inputEnded) {
      channel.read();
    } else if (!endTold) {
      endTold = true;
      guard(duplex::onEnd);
      if (((DuplexChannel) channel).isOutputShutdown()) {
        var _ = channel.close();
      }
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      inputEnded = true;
      deliver();
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (channel.isWritable()) {
      guard(duplex::onRoom);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    held.clear();
    guard(duplex::onClosed);
  }

  /// Ends it in order: what the client has not taken by now is cut.
  void end() {
    outlet.close();
    var _ = channel.close();
  }

  private void guard(Runnable callback) {
    try {
      callback.run();
    } catch (Throwable e) {
      errors.record("control API", e);
      var _ = channel.close();
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (!(cause instanceof IOException)) {
      // Not by the client's going away.
      errors.record("control API", cause);
    }
    var _ = channel.close();
  }
}
