package org.netback.xen.embedded;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import org.netback.xen.grant.GrantCopy;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;

/// Grants of domains whose memory this process has mapped.
///
/// A copy judges one 64-bit load of the entry and then copies, without marking the grant as in use.
/// Xen marks it for the length of the copy; here a guest that revokes meanwhile gets its own page
/// read or written a moment after the revocation. The page is still its own, never another
/// domain's, so that it harms itself alone; and a guest that waits for the answer to its request,
/// as all do, never sees it. What it saves is two atomic writes per segment.
///
/// A domain that is destroyed during a copy takes its mapping along; the access then fails in this
/// thread as an exception, not as a fault.
final class EmbeddedGrantTable implements GrantTable {
  private final int domid;
  private final MappedDomains domains;
  private final GrantPins pins;

  /// @param domid to whom the grants must have been given
  EmbeddedGrantTable(int domid, MappedDomains domains, GrantPins pins) {
    this.domid = domid;
    this.domains = domains;
    this.pins = pins;
  }

  @Override
  public void copy(GrantCopy batch) {
    int size = batch.size();
    int domid = -1;
    MappedDomain domain = MappedDomain.NONE;
    for (int i = 0; i < size; i++) {
      // A queue's batch is of one domain.
      if (batch.domid(i) != domid) {
        domid = batch.domid(i);
        domain = find(domid);
      }
      batch.setStatus(i, judge(batch, i, domain));
    }
  }

  private MappedDomain find(int of) {
    MappedDomain domain = domains.find(of);
    return domain.isNone() && pins.open(of) ? domains.find(of) : domain;
  }

  private short judge(GrantCopy batch, int i, MappedDomain domain) {
    if (domain.isNone()) {
      return GrantStatus.BAD_DOMAIN;
    }
    try {
      return copy(batch, i, domain);
    } catch (IllegalStateException e) {
      if (domain.isGone()) {
        return GrantStatus.BAD_DOMAIN;
      }
      throw e; // the local side was closed: a bug of the caller's
    }
  }

  private short copy(GrantCopy batch, int i, MappedDomain domain) {
    int gref = batch.gref(i);
    if (Integer.compareUnsigned(gref, domain.grantEntries()) >= 0) {
      return GrantStatus.BAD_GNTREF;
    }
    boolean toGuest = batch.isToGuest(i);
    long entry = GrantEntries.loadAcquire(domain.whole(), gref);
    int judged = GrantEntries.TYPE_MASK | (toGuest ? GrantEntries.READONLY : 0);
    if ((GrantEntries.flags(entry) & judged) != GrantEntries.PERMIT_ACCESS
        || GrantEntries.domid(entry) != domid) {
      return GrantStatus.GENERAL_ERROR;
    }
    int frame = GrantEntries.frame(entry);
    if (!domain.hasPage(frame)) {
      return GrantStatus.BAD_PAGE;
    }
    int offset = batch.offset(i);
    int length = batch.length(i);
    if (offset < 0 || length < 0 || offset > PAGE_SIZE - length) {
      return GrantStatus.BAD_COPY_ARG;
    }
    long at = (long) frame * PAGE_SIZE + offset;
    MemorySegment local = batch.local(i);
    long localOffset = batch.localOffset(i);
    // One call for both ways: written twice, it is too large to be compiled into the loop.
    MemorySegment whole = domain.whole();
    MemorySegment.copy(
        toGuest ? local : whole,
        toGuest ? localOffset : at,
        toGuest ? whole : local,
        toGuest ? at : localOffset,
        length);
    return GrantStatus.OKAY;
  }

  @Override
  public GrantMapping map(int ofDomid, int[] grefs, boolean readOnly) throws GrantException {
    if (grefs.length == 0) {
      throw new IllegalArgumentException("mapping of no pages");
    }
    GrantPins.Pin pin = pins.pin(ofDomid, grefs, readOnly);
    Arena arena = Arena.ofShared();
    try {
      return new Mapping(pins, pin, pin.memory().map(pin.frames(), readOnly, arena), arena);
    } catch (IOException e) {
      arena.close();
      pins.unpin(pin);
      throw refused(ofDomid, grefs[0], GrantStatus.GENERAL_ERROR, e.toString());
    }
  }

  static GrantException refused(int domid, int gref, short status, String what) {
    return new GrantException(domid, gref, status, what);
  }

  static GrantException refused(int domid, int gref, short status) {
    String what =
        switch (status) {
          case GrantStatus.BAD_DOMAIN -> "no such domain";
          case GrantStatus.BAD_GNTREF -> "no such reference";
          case GrantStatus.BAD_PAGE -> "no such page";
          default -> "not granted to this domain for such access";
        };
    return refused(domid, gref, status, what);
  }

  private static final class Mapping implements GrantMapping {
    private final GrantPins pins;
    private final GrantPins.Pin pin;
    private final MemorySegment memory;
    private final Arena arena;
    private final AtomicBoolean closed = new AtomicBoolean();

    Mapping(GrantPins pins, GrantPins.Pin pin, MemorySegment memory, Arena arena) {
      this.pins = pins;
      this.pin = pin;
      this.memory = memory;
      this.arena = arena;
    }

    @Override
    public MemorySegment memory() {
      return memory;
    }

    @Override
    public void close() {
      if (closed.compareAndSet(false, true)) {
        // Unmapped before unpinned: once the guest may reuse the page, nobody here can reach it.
        arena.close();
        pins.unpin(pin);
      }
    }
  }
}
