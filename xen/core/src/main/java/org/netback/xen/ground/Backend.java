package org.netback.xen.ground;

import java.util.concurrent.CompletionStage;
import org.netback.xen.store.XenStore;

/// The backends' side of a ground, for the drivers of this process: dom0's, or a driver domain's.
/// Each ground makes its own.
public final class Backend implements AutoCloseable {
  private final int domid;
  private final Guests guests;
  private final XenStore store;
  private final CompletionStage<String> lost;
  private final Runnable detach;

  /// @param domid the domain in which this process lives
  /// @param lost completes with the reason when the ground has gone
  /// @param detach lets go of the ground; idempotent
  public Backend(
      int domid, Guests guests, XenStore store, CompletionStage<String> lost, Runnable detach) {
    this.domid = domid;
    this.guests = guests;
    this.store = store;
    this.lost = lost;
    this.detach = detach;
  }

  /// The domain in which this process lives: its devices are below `/local/domain/<domid>/backend`,
  /// and guests grant their pages to it.
  public int domid() {
    return domid;
  }

  public Guests guests() {
    return guests;
  }

  /// The store as this domain sees it.
  public XenStore store() {
    return store;
  }

  /// Completes with the reason when the ground has gone.
  public CompletionStage<String> lost() {
    return lost;
  }

  /// Lets go of the ground: of its store, and of whatever is still mapped and bound through it.
  /// Drivers have stopped before. Idempotent.
  @Override
  public void close() {
    detach.run();
  }
}
