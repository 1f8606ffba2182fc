package org.netback.xen.dom0;

import com.sun.jna.Native;
import com.sun.jna.Platform;

/// The calls of libc that Xen's devices are used by. Each returns what libc does; on failure the
/// error's number is JNA's last error of the thread.
final class LibC {
  static final int O_RDWR = 2;
  static final int O_NONBLOCK = 0x800;
  static final int O_CLOEXEC = 0x80000;
  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int MAP_SHARED = 1;
  static final int MAP_PRIVATE = 2;
  static final int MAP_FIXED = 0x10;
  static final int MAP_ANONYMOUS = 0x20;
  static final long MAP_FAILED = -1;

  static {
    Native.register(LibC.class, Platform.C_LIBRARY_NAME);
  }

  private LibC() {}

  /// @param path address of a string that ends in a zero octet
  static native int open(long path, int flags);

  static native int close(int fd);

  static native int ioctl(int fd, long request, long argument);

  static native long mmap(
      long address, long length, int protection, int flags, int fd, long offset);

  static native int munmap(long address, long length);
}
