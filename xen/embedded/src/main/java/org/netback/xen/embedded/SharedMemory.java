package org.netback.xen.embedded;

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

/// A memfd, mapped whole until closed.
///
/// It is sealed against shrinking and growing from the start, and whoever maps one that came from
/// elsewhere checks the seals and the size first: a file that its other owner could shorten would
/// let that owner fault this process with SIGBUS at any access.
final class SharedMemory implements AutoCloseable {
  private static final int SEALS = LibC.F_SEAL_SHRINK | LibC.F_SEAL_GROW | LibC.F_SEAL_SEAL;

  private final int fd;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment whole;
  private boolean closed;

  private SharedMemory(int fd, long size) throws IOException {
    this.fd = fd;
    long address = LibC.mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (address == MAP_FAILED) {
      throw Errno.last("mmap of " + size + " octets");
    }
    this.whole = owned(address, size, arena);
  }

  /// Makes zeroed memory; its pages take no room until they are touched.
  static SharedMemory create(int pages) throws IOException {
    long size = (long) pages * PAGE_SIZE;
    int fd;
    try (Arena names = Arena.ofConfined()) {
      long name = names.allocateFrom("xen-domain").address();
      fd = LibC.memfd_create(name, LibC.MFD_CLOEXEC | LibC.MFD_ALLOW_SEALING);
    }
    if (fd < 0) {
      throw Errno.last("memfd_create");
    }
    try {
      if (LibC.ftruncate(fd, size) != 0) {
        throw Errno.last("ftruncate to " + size + " octets");
      }
      if (LibC.fcntl(fd, LibC.F_ADD_SEALS, SEALS) != 0) {
        throw Errno.last("F_ADD_SEALS");
      }
      return new SharedMemory(fd, size);
    } catch (IOException e) {
      LibC.close(fd);
      throw e;
    }
  }

  /// Maps memory that another process made; the descriptor is this object's from now on, also when
  /// it is refused.
  ///
  /// @throws IOException if it is not as large as it was said to be, or not sealed
  static SharedMemory adopt(int fd, int pages) throws IOException {
    long size = (long) pages * PAGE_SIZE;
    try {
      int seals = LibC.fcntl(fd, LibC.F_GET_SEALS, 0);
      if (seals < 0) {
        throw Errno.last("F_GET_SEALS");
      }
      if ((seals & SEALS) != SEALS) {
        throw new IOException("memory of a domain has seals " + seals + ", not " + SEALS);
      }
      long actual = LibC.lseek(fd, 0, LibC.SEEK_END);
      if (actual != size) {
        throw new IOException("memory of a domain has " + actual + " octets, not " + size);
      }
      return new SharedMemory(fd, size);
    } catch (IOException e) {
      LibC.close(fd);
      throw e;
    }
  }

  MemorySegment whole() {
    return whole;
  }

  int pages() {
    return (int) (whole.byteSize() / PAGE_SIZE);
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
  synchronized void lend(FdUse use) throws IOException {
    if (closed) {
      throw new IOException("domain is gone");
    }
    use.with(fd);
  }

  interface FdUse {
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
