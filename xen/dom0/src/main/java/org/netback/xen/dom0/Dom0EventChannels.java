package org.netback.xen.dom0;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.netback.loop.Closing;
import org.netback.loop.EventLoop;
import org.netback.loop.libc.LibC;
import org.netback.loop.netty.NettyLoop;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventHandler;
import org.netback.xen.ground.Domids;

/// This domain's event channels by `/dev/xen/evtchn`, one descriptor per loop. When the process
/// dies the kernel unbinds its ports; the guests' ends then wait for the next one to bind to them.
final class Dom0EventChannels implements EventChannels, AutoCloseable {
  private final Map<NettyLoop, LoopPorts> loops = new HashMap<>();
  private final CompletableFuture<String> lost = new CompletableFuture<>();

  /// Completes with the reason when the guests of some loop are not heard any more.
  CompletionStage<String> lost() {
    return lost.minimalCompletionStage();
  }

  @Override
  public EventChannel bind(int remoteDomid, int remotePort, EventLoop loop, EventHandler handler)
      throws IOException {
    check(remoteDomid);
    return ports(loop).bind(remoteDomid, remotePort, handler);
  }

  @Override
  public EventChannel allocate(int remoteDomid, EventLoop loop, EventHandler handler)
      throws IOException {
    check(remoteDomid);
    return ports(loop).allocate(remoteDomid, handler);
  }

  private static void check(int domid) throws IOException {
    if (!Domids.isDomain(domid)) {
      throw new IOException("event channel with domain " + domid + ": no such domain");
    }
  }

  private synchronized LoopPorts ports(EventLoop loop) throws IOException {
    if (!(loop instanceof NettyLoop netty)) {
      throw new IllegalArgumentException(loop + " cannot wait for a descriptor");
    }
    LoopPorts ports = loops.get(netty);
    if (ports == null) {
      ports = LoopPorts.open(netty, DeviceFile.open(Evtchn.PATH, LibC.O_NONBLOCK), lost::complete);
      loops.put(netty, ports);
    }
    return ports;
  }

  /// Unbinds whatever is still bound. No thread may be about to use a channel.
  @Override
  public synchronized void close() {
    Closing.all(() -> Closing.each(loops.values(), LoopPorts::close), loops::clear);
  }
}
