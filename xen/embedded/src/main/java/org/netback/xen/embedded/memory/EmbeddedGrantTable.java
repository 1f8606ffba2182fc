package org.netback.xen.embedded.memory;

import java.io.IOException;
import java.lang.foreign.Arena;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;

/// Grants of domains whose memory this process has mapped.
public final class EmbeddedGrantTable implements GrantTable {
  private final int domid;
  private final MappedMemories memories;
  private final GrantPins pins;

  /// @param domid to whom the grants must have been given
  public EmbeddedGrantTable(int domid, MappedMemories memories, GrantPins pins) {
    this.domid = domid;
    this.memories = memories;
    this.pins = pins;
  }

  @Override
  public GrantCopies copies(int capacity) {
    return new EmbeddedCopies(memories, pins, domid, capacity);
  }

  @Override
  public GrantMapping map(int ofDomid, int[] grefs, boolean readOnly) throws GrantException {
    if (grefs.length == 0) {
      throw new IllegalArgumentException("mapping of no pages");
    }
    GrantPins.Pin pin = pins.pin(ofDomid, grefs, readOnly);
    Arena arena = Arena.ofShared();
    try {
      return GrantMapping.of(
          pin.memory().map(pin.frames(), readOnly, arena),
          () -> {
            // Unmapped before unpinned: once the guest may reuse the page, nobody here can reach
            // it.
            arena.close();
            pins.unpin(pin);
          });
    } catch (IOException e) {
      arena.close();
      pins.unpin(pin);
      throw new GrantException(ofDomid, grefs[0], GrantStatus.GENERAL_ERROR, e.toString());
    }
  }
}
