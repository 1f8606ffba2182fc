package org.netback.xen.embedded.memory;

import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantStatus;

/// Copies between domains whose memory is mapped, each carried out when it is added: nothing would
/// be saved by collecting them.
///
/// A copy judges one 64-bit load of the entry and then copies, without marking the grant as in use.
/// Xen marks it for the length of the copy; here a guest that revokes meanwhile gets its own page
/// read or written a moment after the revocation. The page is still its own, never another
/// domain's, so that it harms itself alone; and a guest that waits for the answer to its request,
/// as all do, never sees it. What it saves is two atomic writes per copy.
///
/// A domain that is destroyed during a copy takes its mapping along; the access then fails in this
/// thread as an exception, not as a fault.
final class EmbeddedCopies implements GrantCopies {
  private static final int NO_DOMAIN = -1;

  private final MappedMemories memories;
  private final GrantPins pins;
  private final int backend;

  /// Written where a copy has failed.
  private final short[] statuses;

  private int size;
  private boolean failures;

  /// A sink: keeps the compiler from leaving out [#expect].
  @SuppressWarnings("UnusedVariable")
  private long expected;

  /// A domain that was found to be gone: looking for it costs the ground's answer, which is not
  /// waited for again by the same batch.
  private int missing = NO_DOMAIN;

  private int lastDomid = NO_DOMAIN;
  private DomainMemory last = DomainMemory.NONE;

  /// @param backend the domain to whom the grants must have been given
  EmbeddedCopies(MappedMemories memories, GrantPins pins, int backend, int capacity) {
    this.memories = memories;
    this.pins = pins;
    this.backend = backend;
    this.statuses = new short[capacity];
  }

  @Override
  public int fromGuest(
      int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
    DomainMemory memory = memory(domid);
    long at = find(memory, gref, offset, length, 0);
    if (at < 0) {
      return put((short) at);
    }
    return copy(memory, memory.whole(), at, memory, local, localOffset, length);
  }

  @Override
  public int toGuest(
      int domid, int gref, int offset, int length, MemorySegment local, long localOffset) {
    DomainMemory memory = memory(domid);
    long at = find(memory, gref, offset, length, GrantEntries.READONLY);
    if (at < 0) {
      return put((short) at);
    }
    return copy(memory, local, localOffset, memory, memory.whole(), at, length);
  }

  @Override
  public int betweenGuests(
      int fromDomid,
      int fromGref,
      int fromOffset,
      int toDomid,
      int toGref,
      int toOffset,
      int length) {
    DomainMemory from = memory(fromDomid);
    long source = find(from, fromGref, fromOffset, length, 0);
    if (source < 0) {
      return put((short) source);
    }
    DomainMemory to = memory(toDomid);
    long destination = find(to, toGref, toOffset, length, GrantEntries.READONLY);
    if (destination < 0) {
      return put((short) destination);
    }
    return copy(from, from.whole(), source, to, to.whole(), destination, length);
  }

  /// A batch is of one domain, or two in turn.
  private DomainMemory memory(int domid) {
    return domid == lastDomid ? last : find(domid);
  }

  private DomainMemory find(int domid) {
    DomainMemory memory = memories.find(domid);
    if (memory.isNone() && domid != missing) {
      if (pins.open(domid)) {
        memory = memories.find(domid);
      } else {
        missing = domid;
      }
    }
    lastDomid = domid;
    last = memory;
    return memory;
  }

  /// Judges a grant.
  ///
  /// @param forbidden flags that its entry must not have
  /// @return where the octets are in the domain's memory, or a negative status
  private long find(DomainMemory memory, int gref, int offset, int length, int forbidden) {
    if (Integer.compareUnsigned(gref, memory.grantEntries()) >= 0) {
      return memory.isNone() ? GrantStatus.BAD_DOMAIN : GrantStatus.BAD_GNTREF;
    }
    long entry;
    try {
      entry = GrantEntries.loadAcquire(memory.whole(), gref);
    } catch (IllegalStateException _) {
      return GrantStatus.BAD_DOMAIN;
    }
    if ((GrantEntries.flags(entry) & (GrantEntries.TYPE_MASK | forbidden))
            != GrantEntries.PERMIT_ACCESS
        || GrantEntries.domid(entry) != backend) {
      return GrantStatus.GENERAL_ERROR;
    }
    int frame = GrantEntries.frame(entry);
    if (!memory.hasPage(frame)) {
      return GrantStatus.BAD_PAGE;
    }
    if (offset < 0 || length < 0 || offset > PAGE_SIZE - length) {
      return GrantStatus.BAD_COPY_ARG;
    }
    return (long) frame * PAGE_SIZE + offset;
  }

  /// @param source whose memory is read, or the other one's
  /// @param destination whose memory is written, or the other one's
  private int copy(
      DomainMemory source,
      MemorySegment from,
      long fromOffset,
      DomainMemory destination,
      MemorySegment to,
      long toOffset,
      int length) {
    try {
      MemorySegment.copy(from, fromOffset, to, toOffset, length);
    } catch (IllegalStateException e) {
      if (source.isGone() || destination.isGone()) {
        return put(GrantStatus.BAD_DOMAIN);
      }
      throw e; // the private side was closed: a bug of the caller's
    }
    return put(GrantStatus.OKAY);
  }

  @Override
  public void expect(int domid, int gref, int offset) {
    DomainMemory memory = memory(domid);
    if (Integer.compareUnsigned(gref, memory.grantEntries()) < 0) {
      try {
        int frame = GrantEntries.frame(GrantEntries.load(memory.whole(), gref));
        if (memory.hasPage(frame)) {
          expected +=
              memory
                  .whole()
                  .get(ValueLayout.JAVA_BYTE, (long) frame * PAGE_SIZE + (offset & PAGE_SIZE - 1));
        }
      } catch (IllegalStateException _) {
        // The domain has gone; the copy will tell.
      }
    }
  }

  private int put(short status) {
    if (size == statuses.length) {
      throw new IllegalStateException("a batch of " + size + " copies is full");
    }
    if (status != GrantStatus.OKAY) {
      statuses[size] = status;
      failures = true;
    }
    return size++;
  }

  @Override
  public void carryOut() {}

  @Override
  public boolean hasFailures() {
    return failures;
  }

  @Override
  public short status(int copy) {
    return statuses[Objects.checkIndex(copy, size)];
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void clear() {
    size = 0;
    if (failures) {
      Arrays.fill(statuses, GrantStatus.OKAY);
      failures = false;
    }
    missing = NO_DOMAIN;
    lastDomid = NO_DOMAIN;
    last = DomainMemory.NONE;
  }
}
