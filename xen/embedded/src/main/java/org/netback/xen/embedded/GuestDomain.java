package org.netback.xen.embedded;

import java.util.concurrent.CompletionStage;
import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GuestMemory;
import org.netback.xen.store.XenStore;

/// A domain and all that its guest needs, whose memory is mapped in this process: created by
/// [EmbeddedGround#createDomain] or [GroundConnection#attachGuest].
public final class GuestDomain implements AutoCloseable {
  private final String name;
  private final GuestMemory memory;
  private final EventChannels events;
  private final XenStore store;
  private final CompletionStage<String> lost;
  private final Runnable destroy;

  GuestDomain(
      String name,
      GuestMemory memory,
      EventChannels events,
      XenStore store,
      CompletionStage<String> lost,
      Runnable destroy) {
    this.name = name;
    this.memory = memory;
    this.events = events;
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

  /// The store as this domain sees it; relative paths are below `/local/domain/<domid>`.
  public XenStore store() {
    return store;
  }

  /// Where a device's frontend has its directory.
  public String frontendPath(int handle) {
    return Toolstack.frontendPath(domid(), handle);
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
