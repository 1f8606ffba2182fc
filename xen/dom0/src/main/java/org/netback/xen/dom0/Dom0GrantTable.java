package org.netback.xen.dom0;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;
import org.netback.xen.grant.GrantCopies;
import org.netback.xen.grant.GrantException;
import org.netback.xen.grant.GrantStatus;
import org.netback.xen.grant.GrantTable;
import org.netback.xen.ground.Domids;

/// Other domains' grants by `/dev/xen/gntdev`. What a process that dies has left mapped, the kernel
/// unmaps.
final class Dom0GrantTable implements GrantTable, AutoCloseable {
  private final DeviceFile gntdev;

  private Dom0GrantTable(DeviceFile gntdev) {
    this.gntdev = gntdev;
  }

  static Dom0GrantTable open() throws IOException {
    return new Dom0GrantTable(DeviceFile.open(Gntdev.PATH, 0));
  }

  @Override
  public GrantCopies copies(int capacity) {
    return new Dom0Copies(gntdev, capacity);
  }

  @Override
  public GrantMapping map(int domid, int[] grefs, boolean readOnly) throws GrantException {
    if (grefs.length == 0) {
      throw new IllegalArgumentException("mapping of no pages");
    }
    if (!Domids.isDomain(domid)) {
      throw new GrantException(domid, grefs[0], GrantStatus.BAD_DOMAIN, "no such domain");
    }
    long index = offer(domid, grefs);
    long size = (long) grefs.length * PAGE_SIZE;
    // Shared: a private mapping could become writable without the guest's grant saying so.
    int protection = readOnly ? LibC.PROT_READ : LibC.PROT_READ | LibC.PROT_WRITE;
    long address = gntdev.mmap(0, size, protection, index);
    // Addresses of user space are positive.
    if (address < 0) {
      withdraw(index, grefs.length);
      throw refused(domid, grefs, readOnly, (int) -address);
    }
    Arena arena = Arena.ofShared();
    MemorySegment memory =
        MemorySegment.ofAddress(address)
            .reinterpret(
                size,
                arena,
                mapped -> {
                  LibC.munmap(mapped.address(), mapped.byteSize());
                  withdraw(index, grefs.length);
                });
    return GrantMapping.of(readOnly ? memory.asReadOnly() : memory, arena::close);
  }

  /// Tells the device which references it is about; whether they are any good shows in the mmap.
  ///
  /// @return the device's offset for them
  private long offer(int domid, int[] grefs) throws GrantException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argument =
          arena.allocate(Gntdev.MAP_REFS + (long) grefs.length * Gntdev.REF_SIZE, 8);
      argument.set(ValueLayout.JAVA_INT, Gntdev.MAP_COUNT, grefs.length);
      for (int i = 0; i < grefs.length; i++) {
        long at = Gntdev.MAP_REFS + (long) i * Gntdev.REF_SIZE;
        argument.set(ValueLayout.JAVA_INT, at + Gntdev.REF_DOMID, domid);
        argument.set(ValueLayout.JAVA_INT, at + Gntdev.REF_REF, grefs[i]);
      }
      int result = gntdev.ioctl(Gntdev.MAP_GRANT_REF, argument);
      if (result < 0) {
        throw new GrantException(
            domid,
            grefs[0],
            GrantStatus.GENERAL_ERROR,
            "IOCTL_GNTDEV_MAP_GRANT_REF of " + grefs.length + ": " + Errno.name(-result));
      }
      return argument.get(ValueLayout.JAVA_LONG, Gntdev.MAP_INDEX);
    }
  }

  private void withdraw(long index, int count) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment argument = arena.allocate(Gntdev.UNMAP_SIZE, 8);
      argument.set(ValueLayout.JAVA_LONG, Gntdev.UNMAP_INDEX, index);
      argument.set(ValueLayout.JAVA_INT, Gntdev.UNMAP_COUNT, count);
      int result = gntdev.ioctl(Gntdev.UNMAP_GRANT_REF, argument);
      if (result < 0) {
        throw new IllegalStateException(
            "IOCTL_GNTDEV_UNMAP_GRANT_REF of " + count + ": " + Errno.name(-result));
      }
    }
  }

  /// The kernel says EINVAL to everything. A copy of one octet out of each page tells more.
  private GrantException refused(int domid, int[] grefs, boolean readOnly, int error) {
    String mmap = "mmap: " + Errno.name(error);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment octet = arena.allocate(1);
      GrantCopies probe = copies(1);
      for (int gref : grefs) {
        probe.clear();
        probe.fromGuest(domid, gref, 0, 1, octet, 0);
        probe.carryOut();
        if (probe.status(0) != GrantStatus.OKAY) {
          return new GrantException(domid, gref, probe.status(0), mmap);
        }
      }
    }
    return new GrantException(
        domid,
        grefs[0],
        GrantStatus.GENERAL_ERROR,
        readOnly ? mmap : mmap + ", perhaps since it is granted for reading only");
  }

  /// No page may be in use.
  @Override
  public void close() {
    gntdev.close();
  }
}
