package org.netback.xen.embedded.memory;

import static org.netback.loop.libc.LibC.MAP_ANONYMOUS;
import static org.netback.loop.libc.LibC.MAP_FAILED;
import static org.netback.loop.libc.LibC.MAP_FIXED;
import static org.netback.loop.libc.LibC.MAP_NORESERVE;
import static org.netback.loop.libc.LibC.MAP_PRIVATE;
import static org.netback.loop.libc.LibC.MAP_SHARED;
import static org.netback.loop.libc.LibC.PROT_NONE;
import static org.netback.loop.libc.LibC.PROT_READ;
import static org.netback.loop.libc.LibC.PROT_WRITE;
import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.netback.loop.Closing;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;
import org.netback.xen.io.console.ConsolePage;

/// A domain's memory, the grant table at its start: a memfd, mapped whole until closed.
///
/// It is sealed against shrinking and growing from the start, and whoever maps one that came from
/// elsewhere checks the seals and the size first: a file that its other owner could shorten would
/// let that owner fault this process with SIGBUS at any access.
public final class DomainMemory implements AutoCloseable {
  /// The memory of a domain that has none here: no reference and no page is in it.
  public static final DomainMemory NONE = new DomainMemory();

  private static final int SEALS = LibC.F_SEAL_SHRINK | LibC.F_SEAL_GROW | LibC.F_SEAL_SEAL;

  private final int fd;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment whole;
  private final int grantEntries;
  private final int firstPage;
  private final int pages;
  private boolean closed;

  private DomainMemory() {
    this.fd = -1;
    this.whole = MemorySegment.NULL;
    this.grantEntries = 0;
    this.firstPage = 0;
    this.pages = 0;
    this.closed = true;
  }

  private DomainMemory(int fd, DomainSize size) throws IOException {
    this.fd = fd;
    this.grantEntries = GrantEntries.count(size.grantFrames());
    this.firstPage = size.grantFrames();
    this.pages = size.totalPages() - size.grantFrames();
    long octets = octets(size);
    long address = LibC.mmap(0, octets, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (address == MAP_FAILED) {
      throw Errno.last("mmap of " + octets + " octets");
    }
    this.whole = owned(address, octets, arena);
  }

  private static long octets(DomainSize size) {
    return (long) size.totalPages() * PAGE_SIZE;
  }

  /// Makes zeroed memory; its pages take no room until they are touched.
  public static DomainMemory create(DomainSize size) throws IOException {
    long octets = octets(size);
    int fd;
    try (Arena names = Arena.ofConfined()) {
      long name = names.allocateFrom("xen-domain").address();
      fd = LibC.memfd_create(name, LibC.MFD_CLOEXEC | LibC.MFD_ALLOW_SEALING);
    }
    if (fd < 0) {
      throw Errno.last("memfd_create");
    }
    try {
      if (LibC.ftruncate(fd, octets) != 0) {
        throw Errno.last("ftruncate to " + octets + " octets");
      }
      if (LibC.fcntl(fd, LibC.F_ADD_SEALS, SEALS) != 0) {
        throw Errno.last("F_ADD_SEALS");
      }
      return new DomainMemory(fd, size);
    } catch (IOException e) {
      LibC.close(fd);
      throw e;
    }
  }

  /// Maps memory that another process made; the descriptor is this object's from now on, also when
  /// it is refused.
  ///
  /// @throws IOException if it is not as large as it was said to be, or not sealed
  public static DomainMemory adopt(int fd, DomainSize size) throws IOException {
    long octets = octets(size);
    try {
      int seals = LibC.fcntl(fd, LibC.F_GET_SEALS, 0);
      if (seals < 0) {
        throw Errno.last("F_GET_SEALS");
      }
      if ((seals & SEALS) != SEALS) {
        throw new IOException("memory of a domain has seals " + seals + ", not " + SEALS);
      }
      long actual = LibC.lseek(fd, 0, LibC.SEEK_END);
      if (actual != octets) {
        throw new IOException("memory of a domain has " + actual + " octets, not " + octets);
      }
      return new DomainMemory(fd, size);
    } catch (IOException e) {
      LibC.close(fd);
      throw e;
    }
  }

  /// Grants the page of the primary console, as a toolstack does before a domain runs (libxl:
  /// `xc_dom_gnttab_seed`).
  ///
  /// @param toDomid who serves consoles
  public void grantConsole(int toDomid) {
    int gref = ConsolePage.RESERVED_GREF;
    GrantEntries.storeFrame(whole, gref, firstPage + pages - 1);
    GrantEntries.storeWordRelease(
        whole, gref, GrantEntries.word(GrantEntries.PERMIT_ACCESS, toDomid));
  }

  /// Grant table and pages; empty only in [#NONE].
  MemorySegment whole() {
    return whole;
  }

  /// How many references there are.
  int grantEntries() {
    return grantEntries;
  }

  /// Whether a frame may be granted: those before the first such are the table itself.
  boolean hasPage(int frame) {
    return Integer.compareUnsigned(frame - firstPage, pages) < 0;
  }

  /// Grant table and pages.
  int totalPages() {
    return firstPage + pages;
  }

  boolean isNone() {
    return pages == 0;
  }

  boolean isGone() {
    return !whole.scope().isAlive();
  }

  /// Maps some pages side by side once more, independent of this object's own life, until the arena
  /// closes.
  MemorySegment map(int[] frames, boolean readOnly, Arena until) throws IOException {
    long size = (long) frames.length * PAGE_SIZE;
    int protection = readOnly ? PROT_READ : PROT_READ | PROT_WRITE;
    // Reserved first, so that the pages after it can replace the reservation one by one.
    long base = LibC.mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
      throw Errno.last("mmap of " + frames.length + " pages");
    }
    synchronized (this) {
      for (int i = 0; i < frames.length; i++) {
        long page =
            closed
                ? MAP_FAILED
                : LibC.mmap(
                    base + (long) i * PAGE_SIZE,
                    PAGE_SIZE,
                    protection,
                    MAP_SHARED | MAP_FIXED,
                    fd,
                    (long) frames[i] * PAGE_SIZE);
        if (page == MAP_FAILED) {
          IOException refused =
              closed ? new IOException("domain is gone") : Errno.last("mmap of a granted page");
          LibC.munmap(base, size);
          throw refused;
        }
      }
    }
    MemorySegment mapped = owned(base, size, until);
    return readOnly ? mapped.asReadOnly() : mapped;
  }

  private static MemorySegment owned(long address, long size, Arena arena) {
    return MemorySegment.ofAddress(address)
        .reinterpret(size, arena, s -> LibC.munmap(s.address(), s.byteSize()));
  }

  /// Lends the descriptor, as it must not be closed while it is being sent.
  public synchronized void lend(FdUse use) throws IOException {
    if (closed) {
      throw new IOException("domain is gone");
    }
    use.with(fd);
  }

  public interface FdUse {
    void with(int fd) throws IOException;
  }

  /// Unmaps; from then on an access through [#whole] throws IllegalStateException.
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      Closing.all(arena::close, () -> LibC.close(fd));
    }
  }
}
