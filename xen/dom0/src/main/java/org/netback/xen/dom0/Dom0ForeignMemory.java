package org.netback.xen.dom0;

import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;
import org.netback.xen.foreign.ForeignMemory;
import org.netback.xen.grant.GrantTable.GrantMapping;
import org.netback.xen.ground.Domids;

/// Pages of guests by their numbers, through `/dev/xen/privcmd`, which is opened when the first one
/// is wanted.
final class Dom0ForeignMemory implements ForeignMemory, AutoCloseable {
  private Optional<DeviceFile> privcmd = Optional.empty();

  private synchronized DeviceFile privcmd() throws IOException {
    if (privcmd.isEmpty()) {
      privcmd = Optional.of(DeviceFile.open(Privcmd.PATH, 0));
    }
    return privcmd.get();
  }

  @Override
  public GrantMapping map(int domid, long[] frames, boolean readOnly) throws IOException {
    if (!Domids.isDomain(domid) || frames.length == 0) {
      throw new IOException("map " + frames.length + " pages of domain " + domid + ": impossible");
    }
    long size = (long) frames.length * PAGE_SIZE;
    int protection = readOnly ? LibC.PROT_READ : LibC.PROT_READ | LibC.PROT_WRITE;
    DeviceFile device = privcmd();
    long address = device.mmap(0, size, protection, 0);
    if (address < 0) {
      throw Errno.refused("mmap of " + device, (int) -address);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment errors = arena.allocate(4L * frames.length, 4);
      int result = populate(device, arena, domid, frames, address, errors);
      for (int i = 0; i < frames.length && result >= 0; i++) {
        result = errors.getAtIndex(ValueLayout.JAVA_INT, i);
        if (result < 0) {
          LibC.munmap(address, size);
          throw Errno.refused("map frame " + frames[i] + " of domain " + domid, -result);
        }
      }
      if (result < 0) {
        LibC.munmap(address, size);
        throw Errno.refused("map " + frames.length + " pages of domain " + domid, -result);
      }
    }
    Arena until = Arena.ofShared();
    MemorySegment memory =
        MemorySegment.ofAddress(address)
            .reinterpret(size, until, mapped -> LibC.munmap(mapped.address(), mapped.byteSize()));
    return GrantMapping.of(readOnly ? memory.asReadOnly() : memory, until::close);
  }

  private static int populate(
      DeviceFile device,
      Arena arena,
      int domid,
      long[] frames,
      long address,
      MemorySegment errors) {
    MemorySegment argument = arena.allocate(Privcmd.BATCH_SIZE, 8);
    argument.set(ValueLayout.JAVA_INT, Privcmd.BATCH_NUM, frames.length);
    argument.set(ValueLayout.JAVA_SHORT, Privcmd.BATCH_DOM, (short) domid);
    argument.set(ValueLayout.JAVA_LONG, Privcmd.BATCH_ADDR, address);
    argument.set(
        ValueLayout.JAVA_LONG,
        Privcmd.BATCH_ARR,
        arena.allocateFrom(ValueLayout.JAVA_LONG, frames).address());
    argument.set(ValueLayout.JAVA_LONG, Privcmd.BATCH_ERR, errors.address());
    return device.ioctl(Privcmd.MMAPBATCH_V2, argument);
  }

  /// What is mapped stays so.
  @Override
  public synchronized void close() {
    privcmd.ifPresent(DeviceFile::close);
    privcmd = Optional.empty();
  }
}
