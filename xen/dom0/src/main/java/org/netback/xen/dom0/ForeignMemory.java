package org.netback.xen.dom0;

import static org.netback.xen.grant.GrantTable.PAGE_SIZE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;

/// Any page of a guest, by its number and without a grant, through `/dev/xen/privcmd`: a right of
/// the control domain, which the framebuffer's frontend counts on.
public final class ForeignMemory implements AutoCloseable {
  private final DeviceFile privcmd;

  private ForeignMemory(DeviceFile privcmd) {
    this.privcmd = privcmd;
  }

  public static ForeignMemory open() throws IOException {
    return new ForeignMemory(DeviceFile.open(Privcmd.PATH, 0));
  }

  /// Maps pages side by side, all or none.
  ///
  /// @param frames the guest's numbers for them (GFN; of a PV guest, the machine's)
  /// @param until unmaps them when it closes
  /// @throws IOException the domain or one of the pages is not there, or is another's
  public MemorySegment map(int domid, long[] frames, boolean readOnly, Arena until)
      throws IOException {
    if (!Domids.isDomain(domid) || frames.length == 0) {
      throw new IOException("map " + frames.length + " pages of domain " + domid + ": impossible");
    }
    long size = (long) frames.length * PAGE_SIZE;
    int protection = readOnly ? LibC.PROT_READ : LibC.PROT_READ | LibC.PROT_WRITE;
    long address = privcmd.mmap(0, size, protection, 0);
    if (address < 0) {
      throw Errno.refused("mmap of " + privcmd, (int) -address);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment errors = arena.allocate(4L * frames.length, 4);
      int result = populate(arena, domid, frames, address, errors);
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
    MemorySegment memory =
        MemorySegment.ofAddress(address)
            .reinterpret(size, until, mapped -> LibC.munmap(mapped.address(), mapped.byteSize()));
    return readOnly ? memory.asReadOnly() : memory;
  }

  private int populate(Arena arena, int domid, long[] frames, long address, MemorySegment errors) {
    MemorySegment argument = arena.allocate(Privcmd.BATCH_SIZE, 8);
    argument.set(ValueLayout.JAVA_INT, Privcmd.BATCH_NUM, frames.length);
    argument.set(ValueLayout.JAVA_SHORT, Privcmd.BATCH_DOM, (short) domid);
    argument.set(ValueLayout.JAVA_LONG, Privcmd.BATCH_ADDR, address);
    argument.set(
        ValueLayout.JAVA_LONG,
        Privcmd.BATCH_ARR,
        arena.allocateFrom(ValueLayout.JAVA_LONG, frames).address());
    argument.set(ValueLayout.JAVA_LONG, Privcmd.BATCH_ERR, errors.address());
    return privcmd.ioctl(Privcmd.MMAPBATCH_V2, argument);
  }

  /// What is mapped stays so.
  @Override
  public void close() {
    privcmd.close();
  }
}
