package org.netback.xen.embedded.memory;

import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import org.netback.xen.grant.GuestMemory;

/// The guest's side of its memory: which pages and references are in use. Pages are handed out
/// first fit, references last freed first.
public final class EmbeddedGuestMemory implements GuestMemory {
  private final int domid;
  private final MemorySegment whole;
  private final DomainSize size;
  private final BitSet usedPages = new BitSet();
  private final short[] grantsOfPage;
  private final int[] frameOfGref;
  private final int[] freeGrefs;
  private int freeGrefCount;

  public EmbeddedGuestMemory(int domid, DomainMemory memory, DomainSize size) {
    this.domid = domid;
    this.whole = memory.whole();
    this.size = size;
    this.grantsOfPage = new short[size.totalPages()];
    int entries = GrantEntries.count(size.grantFrames());
    this.frameOfGref = new int[entries];
    this.freeGrefs = new int[entries];
    usedPages.set(0, size.grantFrames());
    usedPages.set(size.consoleFrame());
    for (int gref = entries - 1; gref >= GrantEntries.RESERVED; gref--) {
      freeGrefs[freeGrefCount++] = gref;
    }
  }

  /// The page of the primary console, which the toolstack has granted.
  public MemorySegment console() {
    return whole.asSlice((long) size.consoleFrame() * PAGE_SIZE, PAGE_SIZE);
  }

  /// From the grant table's first octet on.
  MemorySegment whole() {
    return whole;
  }

  @Override
  public int domid() {
    return domid;
  }

  @Override
  public MemorySegment allocate(int pages) {
    if (pages < 1) {
      throw new IllegalArgumentException("allocation of " + pages + " pages");
    }
    MemorySegment found;
    synchronized (this) {
      int from = usedPages.nextClearBit(0);
      int end = from;
      while (end - from < pages) {
        if (end >= size.totalPages()) {
          throw new IllegalStateException(
              "domain " + domid + " has no " + pages + " free pages in a row of " + size.pages());
        }
        if (usedPages.get(end)) {
          from = usedPages.nextClearBit(end);
          end = from;
        } else {
          end++;
        }
      }
      usedPages.set(from, end);
      found = whole.asSlice((long) from * PAGE_SIZE, (long) pages * PAGE_SIZE);
    }
    return found.fill((byte) 0);
  }

  @Override
  public synchronized void free(MemorySegment pages) {
    int from = frame(pages);
    int count = (int) (pages.byteSize() / PAGE_SIZE);
    int end = from + count;
    if (pages.byteSize() % PAGE_SIZE != 0
        || end > size.totalPages()
        || usedPages.nextClearBit(from) < end) {
      throw new IllegalArgumentException(
          pages.byteSize() + " octets from page " + from + " are not allocated");
    }
    for (int frame = from; frame < end; frame++) {
      if (grantsOfPage[frame] != 0) {
        throw new IllegalStateException(
            "page " + frame + " of domain " + domid + " is granted " + grantsOfPage[frame] + "x");
      }
    }
    usedPages.clear(from, end);
  }

  @Override
  public synchronized int grant(MemorySegment page, int toDomid, boolean readOnly) {
    int frame = frame(page);
    if (!usedPages.get(frame) || page.byteSize() != PAGE_SIZE) {
      throw new IllegalArgumentException(
          page.byteSize() + " octets at page " + frame + " are no allocated page");
    }
    if (freeGrefCount == 0) {
      throw new IllegalStateException(
          "grant table of domain " + domid + " is full: " + frameOfGref.length + " references");
    }
    int gref = freeGrefs[--freeGrefCount];
    frameOfGref[gref] = frame;
    grantsOfPage[frame]++;
    GrantEntries.storeFrame(whole, gref, frame);
    int flags = GrantEntries.PERMIT_ACCESS | (readOnly ? GrantEntries.READONLY : 0);
    GrantEntries.storeWordRelease(whole, gref, GrantEntries.word(flags, toDomid));
    return gref;
  }

  @Override
  public synchronized boolean revoke(int gref) {
    if (gref < GrantEntries.RESERVED || gref >= frameOfGref.length || frameOfGref[gref] == 0) {
      throw new IllegalArgumentException(
          "reference "
              + Integer.toUnsignedString(gref)
              + " of domain "
              + domid
              + " is not granted");
    }
    int word;
    do {
      word = GrantEntries.loadWordAcquire(whole, gref);
      if ((word & (GrantEntries.READING | GrantEntries.WRITING)) != 0) {
        return false;
      }
    } while (!GrantEntries.compareAndSetWord(whole, gref, word, 0));
    grantsOfPage[frameOfGref[gref]]--;
    frameOfGref[gref] = 0;
    freeGrefs[freeGrefCount++] = gref;
    return true;
  }

  private int frame(MemorySegment page) {
    long offset = page.address() - whole.address();
    if (offset < (long) size.grantFrames() * PAGE_SIZE
        || offset >= whole.byteSize()
        || offset % PAGE_SIZE != 0) {
      throw new IllegalArgumentException("not a page of domain " + domid + ": offset " + offset);
    }
    return (int) (offset / PAGE_SIZE);
  }
}
