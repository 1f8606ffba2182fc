package org.netback.xen.embedded;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletionStage;
import org.netback.loop.EventLoop;
import org.netback.xen.embedded.memory.EmbeddedGuestMemory;
import org.netback.xen.embedded.toolstack.Toolstack;
import org.netback.xen.event.EventChannel;
import org.netback.xen.event.EventChannels;
import org.netback.xen.event.EventHandler;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.store.XenStore;

/// A domain and all that its guest needs, whose memory is mapped in this process: created by
/// [EmbeddedGround#createDomain] or [RemoteGround#attachGuest].
public final class GuestDomain implements AutoCloseable {
  private final String name;
  private final EmbeddedGuestMemory memory;
  private final EventChannels events;
  private final ConsoleOpener console;
  private final XenStore store;
  private final CompletionStage<String> lost;
  private final Runnable destroy;

  GuestDomain(
      String name,
      EmbeddedGuestMemory memory,
      EventChannels events,
      ConsoleOpener console,
      XenStore store,
      CompletionStage<String> lost,
      Runnable destroy) {
    this.name = name;
    this.memory = memory;
    this.events = events;
    this.console = console;
    this.store = store;
    this.lost = lost;
    this.destroy = destroy;
  }

  public int domid() {
    return memory.domid();
  }

  public String name() {
    return name;
  }

  public GuestMemory memory() {
    return memory;
  }

  public EventChannels events() {
    return events;
  }

  /// Has the toolstack do its part of the primary console, which on Xen is done before a guest
  /// runs: the page (io/console.h) is granted from the start, the port is offered to the backend
  /// now, and the domain's directory says so.
  ///
  /// @return the guest's end of the channel; its page is [#consolePage()]
  /// @throws IOException the console is open already, or the ground is gone
  public EventChannel openConsole(EventLoop loop, EventHandler handler) throws IOException {
    return console.open(loop, handler);
  }

  /// The shared page of the primary console.
  public MemorySegment consolePage() {
    return memory.console();
  }

  /// How the ground offers the console's port.
  @FunctionalInterface
  interface ConsoleOpener {
    EventChannel open(EventLoop loop, EventHandler handler) throws IOException;
  }

  /// The store as this domain sees it; relative paths are below `/local/domain/<domid>`.
  public XenStore store() {
    return store;
  }

  /// Where a device's frontend has its directory.
  public String frontendPath(String type, int handle) {
    return Toolstack.frontendPath(domid(), type, handle);
  }

  /// Completes with the reason when the ground is gone, or has destroyed the domain: the guest may
  /// attach again, as a new domain.
  public CompletionStage<String> lost() {
    return lost;
  }

  /// Destroys the domain, as `xl destroy` does: its channels close, an access to its memory throws
  /// IllegalStateException from now on, and its devices are removed in the background. Idempotent.
  @Override
  public void close() {
    destroy.run();
  }
}
