package org.netback.xen.embedded;

import java.util.concurrent.CompletionStage;
import org.netback.xen.event.EventChannels;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.store.XenStore;

/// Domain 0's side of a ground, for the drivers of this process: made by [EmbeddedGround#backend]
/// or [GroundConnection#attachBackend].
public final class Backend implements AutoCloseable {
  private final GrantTable grants;
  private final EventChannels events;
  private final XenStore store;
  private final CompletionStage<String> lost;
  private final Runnable detach;

  Backend(
      GrantTable grants,
      EventChannels events,
      XenStore store,
      CompletionStage<String> lost,
      Runnable detach) {
    this.grants = grants;
    this.events = events;
    this.store = store;
    this.lost = lost;
    this.detach = detach;
  }

  public GrantTable grants() {
    return grants;
  }

  public EventChannels events() {
    return events;
  }

  /// The store as domain 0 sees it.
  public XenStore store() {
    return store;
  }

  /// Completes with the reason when the ground has gone.
  public CompletionStage<String> lost() {
    return lost;
  }

  /// Closes the connection to the store, and if the ground is another process, everything that was
  /// mapped and bound. Idempotent.
  @Override
  public void close() {
    detach.run();
  }
}
