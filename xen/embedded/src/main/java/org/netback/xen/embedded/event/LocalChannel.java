package org.netback.xen.embedded.event;

import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.event.BackOff;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventHandler;

/// An end of an event channel whose handler runs in this process.
///
/// Works like Xen's pending bit: a ring sets it, and if it was clear, puts a task on the loop,
/// which clears it and runs the handler. Rings in between merge, so that a peer's storm costs one
/// task at a time.
///
/// A peer that rings without work is slowed down, see [BackOff]. Rings in the waiting time are not
/// lost, only late.
public final class LocalChannel implements EventChannel, ChannelEnd, Doorbell {
  private final int port;
  private final EventLoop loop;
  private final EventHandler handler;
  private final Runnable unbind;
  private final Runnable dispatch = this::dispatch;
  private final AtomicBoolean pending = new AtomicBoolean();
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile boolean masked;
  private volatile Doorbell peer = Doorbell.NONE;
  private final AtomicReference<Optional<Wire>> wire = new AtomicReference<>(Optional.empty());

  /// The loop's.
  private final BackOff backOff = new BackOff();

  /// @param unbind frees the port in the ground; runs once
  public LocalChannel(int port, EventLoop loop, EventHandler handler, Runnable unbind) {
    this.port = port;
    this.loop = loop;
    this.handler = handler;
    this.unbind = unbind;
  }

  @Override
  public int port() {
    return port;
  }

  @Override
  public void notifyPeer() {
    peer.ring();
  }

  @Override
  public void ring() {
    if (!pending.get() && pending.compareAndSet(false, true) && !masked) {
      try {
        loop.execute(dispatch);
      } catch (RejectedExecutionException e) {
        // The loop has ended, which is none of the peer's business. Pending stays set: nobody tries
        // again.
        return;
      }
    }
  }

  private void dispatch() {
    // Pending is cleared before the handler looks, so that a ring after its look calls it again.
    if (closed.get() || masked || !pending.compareAndSet(true, false)) {
      return;
    }
    Optional<Wire> wired = wire.get();
    if (backOff.isNear()) {
      // It may be masked after this call. What is written from here on wakes at the unmasking; what
      // was written before must not, or the channel would ring itself for ever.
      wired.ifPresent(w -> w.watch.drain());
    }
    long delay = backOff.delayAfter(handle());
    if (delay > 0) {
      masked = true;
      wired.ifPresent(w -> w.watch.mask());
      loop.schedule(delay, this::unmask);
    }
  }

  private boolean handle() {
    try {
      return handler.onEvent();
    } catch (Throwable e) {
      loop.errors().record(loop + ", event channel port " + port, e);
      return false;
    }
  }

  private void unmask() {
    // A ring either sees this, or has set pending before we look: none gets stuck.
    masked = false;
    wire.get().ifPresent(w -> w.watch.unmask());
    dispatch();
  }

  /// Whether its loop can wait for events from another process.
  public boolean canBeWired() {
    return loop instanceof NettyLoop;
  }

  /// The ground has bound the other end, which lives in this process.
  public void connect(LocalChannel to) {
    peer = to;
  }

  /// The other end lives in another process.
  ///
  /// @param own this end of the pair; its references are the channel's from now on
  public void connect(EventfdPair own) {
    if (!(loop instanceof NettyLoop netty)) {
      throw new IllegalStateException("port " + port + " has no loop that can wait for an eventfd");
    }
    wire.set(Optional.of(new Wire(own.outbox(), EventfdWatch.open(netty, own.inbox(), this))));
    peer = own.outbox();
  }

  /// The other end has gone; this one is unbound again.
  public void disconnect() {
    peer = Doorbell.NONE;
    wire.getAndSet(Optional.empty()).ifPresent(Wire::close);
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      Closing.all(this::disconnect, unbind::run);
    }
  }

  private record Wire(Eventfd outbox, EventfdWatch watch) {
    void close() {
      Closing.all(watch::close, outbox::release);
    }
  }
}
