package org.netback.xen.dom0;

import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;
import org.netback.xen.grant.GuestMemory;

/// Pages of this domain that it can grant, by `/dev/xen/gntalloc`: to other domains, or to itself,
/// so that a frontend and a backend can meet in one domain.
///
/// The device grants only pages of its own. So a page is ordinary memory until it is granted; then
/// one of the device's takes its place, with what it held. A page has one grant at a time.
///
/// Differs from [GuestMemory] in that [#revoke] never says false: the device does not tell whether
/// the other side still has the page mapped. The kernel keeps the grant and the page until it has
/// let go; the address gets fresh memory at once.
public final class GntallocMemory implements GuestMemory, AutoCloseable {
  private final int domid;
  private final DeviceFile gntalloc;
  private final Map<Integer, Grant> grants = new HashMap<>();
  private final Map<Long, MemorySegment> allocations = new HashMap<>();

  private record Grant(long page, long index) {}

  private GntallocMemory(int domid, DeviceFile gntalloc) {
    this.domid = domid;
    this.gntalloc = gntalloc;
  }

  /// @param domid of the domain that this runs in
  public static GntallocMemory open(int domid) throws IOException {
    return new GntallocMemory(domid, DeviceFile.open(Gntalloc.PATH, 0));
  }

  @Override
  public int domid() {
    return domid;
  }

  @Override
  public synchronized MemorySegment allocate(int pages) {
    if (pages < 1) {
      throw new IllegalArgumentException("allocation of " + pages + " pages");
    }
    long size = (long) pages * PAGE_SIZE;
    long address = ordinary(0, size);
    MemorySegment memory = MemorySegment.ofAddress(address).reinterpret(size);
    allocations.put(address, memory);
    return memory;
  }

  private static long ordinary(long where, long size) {
    long address =
        LibC.mmap(
            where,
            size,
            LibC.PROT_READ | LibC.PROT_WRITE,
            LibC.MAP_PRIVATE | LibC.MAP_ANONYMOUS | (where == 0 ? 0 : LibC.MAP_FIXED),
            -1,
            0);
    if (address == LibC.MAP_FAILED) {
      throw new IllegalStateException("mmap of " + size + " octets: " + Errno.name(Errno.last()));
    }
    return address;
  }

  @Override
  public synchronized void free(MemorySegment pages) {
    long from = pages.address();
    MemorySegment allocated = allocations.get(from);
    if (allocated == null || allocated.byteSize() != pages.byteSize()) {
      throw new IllegalArgumentException(pages + " is no allocation");
    }
    long end = from + pages.byteSize();
    if (grants.values().stream().anyMatch(grant -> grant.page >= from && grant.page < end)) {
      throw new IllegalStateException(pages + " has pages that are granted");
    }
    allocations.remove(from);
    LibC.munmap(from, pages.byteSize());
  }

  @Override
  public synchronized int grant(MemorySegment page, int toDomid, boolean readOnly) {
    long address = page.address();
    if (page.byteSize() != PAGE_SIZE
        || allocations.values().stream().noneMatch(memory -> isPageOf(memory, address))) {
      throw new IllegalArgumentException(page + " is no allocated page");
    }
    if (grants.values().stream().anyMatch(grant -> grant.page == address)) {
      throw new IllegalStateException(page + " is granted already, and can be once only");
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment held = arena.allocate(PAGE_SIZE).copyFrom(page);
      MemorySegment argument = arena.allocate(Gntalloc.ALLOC_SIZE, 8);
      argument.set(ValueLayout.JAVA_SHORT, Gntalloc.ALLOC_DOMID, (short) toDomid);
      argument.set(ValueLayout.JAVA_SHORT, Gntalloc.ALLOC_FLAGS, readOnly ? 0 : Gntalloc.WRITABLE);
      argument.set(ValueLayout.JAVA_INT, Gntalloc.ALLOC_COUNT, 1);
      int result = gntalloc.ioctl(Gntalloc.ALLOC_GREF, argument);
      if (result < 0) {
        throw new IllegalStateException(
            "IOCTL_GNTALLOC_ALLOC_GREF with "
                + grants.size()
                + " granted already: "
                + Errno.name(-result));
      }
      long index = argument.get(ValueLayout.JAVA_LONG, Gntalloc.ALLOC_INDEX);
      int gref = argument.get(ValueLayout.JAVA_INT, Gntalloc.ALLOC_GREF_IDS);
      long mapped = gntalloc.mmap(address, PAGE_SIZE, LibC.PROT_READ | LibC.PROT_WRITE, index);
      if (mapped < 0) {
        release(index);
        throw new IllegalStateException("mmap of " + gntalloc + ": " + Errno.name((int) -mapped));
      }
      page.copyFrom(held);
      grants.put(gref, new Grant(address, index));
      return gref;
    }
  }

  private static boolean isPageOf(MemorySegment memory, long address) {
    long offset = address - memory.address();
    return offset >= 0 && offset < memory.byteSize() && offset % PAGE_SIZE == 0;
  }

  @Override
  public synchronized boolean revoke(int gref) {
    Grant grant = grants.remove(gref);
    if (grant == null) {
      throw new IllegalArgumentException(
          "reference " + Integer.toUnsignedString(gref) + " is not granted");
    }
    release(grant.index);
    ordinary(grant.page, PAGE_SIZE);
    return true;
  }

  private void release(long index) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argument = arena.allocate(Gntalloc.DEALLOC_SIZE, 8);
      argument.set(ValueLayout.JAVA_LONG, Gntalloc.DEALLOC_INDEX, index);
      argument.set(ValueLayout.JAVA_INT, Gntalloc.DEALLOC_COUNT, 1);
      int result = gntalloc.ioctl(Gntalloc.DEALLOC_GREF, argument);
      if (result < 0) {
        throw new IllegalStateException("IOCTL_GNTALLOC_DEALLOC_GREF: " + Errno.name(-result));
      }
    }
  }

  /// Revokes and frees everything. Nothing of it may be touched any more.
  @Override
  public synchronized void close() {
    for (int gref : grants.keySet().toArray(Integer[]::new)) {
      boolean _ = revoke(gref);
    }
    allocations.values().forEach(memory -> LibC.munmap(memory.address(), memory.byteSize()));
    allocations.clear();
    gntalloc.close();
  }
}
