package org.netback.xen.dom0;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;
import org.netback.xen.event.BackOff;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventHandler;

/// A port of this domain's, on the descriptor of its handler's loop.
final class Dom0Channel implements EventChannel {
  private final LoopPorts ports;
  private final int port;
  private final EventHandler handler;

  /// The port, as every ioctl about it wants it; never written again, so that any thread may use
  /// it.
  private final MemorySegment argument;

  private final AtomicBoolean closed = new AtomicBoolean();

  /// The loop's.
  private final BackOff backOff = new BackOff();

  Dom0Channel(LoopPorts ports, int port, EventHandler handler) {
    this.ports = ports;
    this.port = port;
    this.handler = handler;
    argument = Arena.ofAuto().allocate(Evtchn.PORT_SIZE, 4);
    argument.set(ValueLayout.JAVA_INT, 0, port);
  }

  MemorySegment argument() {
    return argument;
  }

  /// Calls the handler; on the loop.
  ///
  /// @return how long the port is to stay masked, in nanoseconds
  long dispatch() {
    return closed.get() ? 0 : backOff.delayAfter(handler.onEvent());
  }

  /// The handler has failed; on the loop.
  ///
  /// @return as [#dispatch]
  long withoutWork() {
    return backOff.delayAfter(false);
  }

  @Override
  public int port() {
    return port;
  }

  @Override
  public void notifyPeer() {
    if (!closed.get()) {
      ports.notifyPeer(this);
    }
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      ports.unbind(this);
    }
  }
}
