package org.netback.xen.frontends;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.netback.loop.EventLoop;
import org.netback.xen.bus.XenbusState;
import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.store.XenStore;

/// A guest's network device: the frontend of io/netif.h with the habits of Linux's xen-netfront.
/// Its life on xenbus is a [Frontend]'s.
///
/// It insists on `feature-rx-copy`, publishes rings, channels and features (flat keys for one
/// queue, `queue-N/` for more), enters Connected at once, kicks both channels and posts its rx
/// buffers ([NetfrontConnection]).
///
/// Differences to Linux: for speed as a traffic generator, grants persist unless
/// [NetfrontOptions#persistentGrants] says otherwise, frames are always copied into pages of the
/// ring's own, and tx responses are collected lazily ([NetfrontTx]).
///
/// The negotiation runs on the control loop and blocks it for the store's round trips, so that must
/// not be the loop that serves the store. Every queue runs on a loop of its own if wanted.
public final class Netfront {
  private final EventLoop control;
  private final NetfrontOptions options;
  private final NetfrontListener listener;
  private final List<NetfrontQueue> queues;
  private final int ringStart;
  private final String path;
  private final Frontend frontend;

  /// Written on the control loop, read by any thread.
  private volatile Optional<CtrlFront> ctrl = Optional.empty();

  /// @param path the frontend's directory: `/local/domain/3/device/vif/0`
  /// @param queueLoops queue i runs on loop i, modulo their number
  public Netfront(
      String path,
      GuestMemory memory,
      EventChannels events,
      XenStore store,
      EventLoop control,
      List<? extends EventLoop> queueLoops,
      NetfrontOptions options,
      FrameSink sink,
      NetfrontListener listener) {
    this(path, memory, events, store, control, queueLoops, options, sink, listener, 0);
  }

  /// @param ringStart index that the rings start at, so that tests reach 2^32 soon
  Netfront(
      String path,
      GuestMemory memory,
      EventChannels events,
      XenStore store,
      EventLoop control,
      List<? extends EventLoop> queueLoops,
      NetfrontOptions options,
      FrameSink sink,
      NetfrontListener listener,
      int ringStart) {
    this.path = path;
    this.control = control;
    this.options = options;
    this.listener = listener;
    this.ringStart = ringStart;
    List<NetfrontQueue> made = new ArrayList<>();
    for (int i = 0; i < options.queues(); i++) {
      made.add(new NetfrontQueue(i, queueLoops.get(i % queueLoops.size()), sink));
    }
    this.queues = List.copyOf(made);
    this.frontend = new Frontend(path, memory, events, store, control, new Driver(), listener);
  }

  /// As many as were asked for; those beyond what the backend offers stay disconnected.
  public List<NetfrontQueue> queues() {
    return queues;
  }

  /// The control ring of the connection that there is, if one was wanted and the backend has it.
  /// Any thread.
  public Optional<CtrlFront> control() {
    return ctrl;
  }

  /// Begins to wait for the backend. Any thread; returns at once.
  public void start() {
    frontend.start();
  }

  /// Asks the backend to send only those groups that the guest has listed
  /// ([NetfrontQueue#changeMulticast]), or all of them again (`request-multicast-control`). Any
  /// thread, at any time, before [#start] too: the key stays in the store.
  public void requestMulticastControl(boolean whether) {
    frontend.write("request-multicast-control", whether ? "1" : "0");
  }

  /// Closes the device in step with the backend, as [Frontend#shutDown()] does. Any thread.
  ///
  /// @return completes on the control loop when the backend has closed and all pages are free;
  ///   never if there is no backend any more: then use [#abandon()]
  public CompletableFuture<Void> shutDown() {
    return frontend.shutDown();
  }

  /// Lets go of everything without a word to the backend, as a crashed guest does. Any thread.
  ///
  /// @return completes on the control loop when nothing is in use any more
  public CompletableFuture<Void> abandon() {
    return frontend.abandon();
  }

  private final class Driver implements FrontendDriver {
    @Override
    public XenbusState whenPublished() {
      return XenbusState.CONNECTED;
    }

    @Override
    public FrontendConnection connect(BackendKeys backend, Offer offer) throws IOException {
      return NetfrontConnection.offer(
          backend,
          offer,
          options,
          queues,
          control,
          ringStart,
          new NetfrontConnection.Owner(path, listener, changed -> ctrl = changed));
    }
  }
}
