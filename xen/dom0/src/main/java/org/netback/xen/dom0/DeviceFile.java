package org.netback.xen.dom0;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;

/// An open device of Xen's. Whoever closes it sees to it that nobody uses it any more.
class DeviceFile implements AutoCloseable {
  private final String path;
  private final int fd;

  /// @param fd is this object's from now on
  DeviceFile(String path, int fd) {
    this.path = path;
    this.fd = fd;
  }

  /// @param flags besides O_RDWR and O_CLOEXEC
  static DeviceFile open(String path, int flags) throws IOException {
    int fd;
    try (Arena arena = Arena.ofConfined()) {
      fd = LibC.open(arena.allocateFrom(path).address(), LibC.O_RDWR | LibC.O_CLOEXEC | flags);
    }
    if (fd >= 0) {
      return new DeviceFile(path, fd);
    }
    int error = Errno.last();
    String remedy = "";
    if (error == Errno.ENOENT || error == Errno.ENODEV || error == Errno.ENXIO) {
      String module = "xen-" + path.substring(path.lastIndexOf('/') + 1);
      remedy = "; on a Xen host load its module: modprobe " + module;
    } else if (error == Errno.EACCES || error == Errno.EPERM) {
      remedy = "; run as root";
    }
    throw new IOException("open " + path + ": " + Errno.name(error) + remedy);
  }

  int fd() {
    return fd;
  }

  /// @return what the call returned, or the negated number of its error
  int ioctl(long request, MemorySegment argument) {
    int result = LibC.ioctl(fd, request, argument.address());
    return result >= 0 ? result : -Errno.last();
  }

  /// Maps a range of the device's own offsets.
  ///
  /// @param address where, or 0 for anywhere
  /// @return the address, or the negated number of the error
  long mmap(long address, long length, int protection, long offset) {
    int flags = LibC.MAP_SHARED | (address == 0 ? 0 : LibC.MAP_FIXED);
    long mapped = LibC.mmap(address, length, protection, flags, fd, offset);
    return mapped == LibC.MAP_FAILED ? -Errno.last() : mapped;
  }

  @Override
  public void close() {
    LibC.close(fd);
  }

  @Override
  public String toString() {
    return path;
  }
}
