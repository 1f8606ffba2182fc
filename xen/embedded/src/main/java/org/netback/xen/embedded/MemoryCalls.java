package org.netback.xen.embedded;

import com.sun.jna.Native;
import com.sun.jna.Platform;

/// The calls of libc that make, seal and map a memfd. Each returns what libc does; on failure the
/// error is [Errno#last].
@SuppressWarnings("MemberName") // libc's names, by which JNA finds the functions
final class MemoryCalls {
  static final int MFD_CLOEXEC = 1;
  static final int MFD_ALLOW_SEALING = 2;
  static final int F_ADD_SEALS = 1033;
  static final int F_GET_SEALS = 1034;
  static final int F_SEAL_SEAL = 1;
  static final int F_SEAL_SHRINK = 2;
  static final int F_SEAL_GROW = 4;
  static final int SEEK_END = 2;
  static final int PROT_NONE = 0;
  static final int PROT_READ = 1;
  static final int PROT_WRITE = 2;
  static final int MAP_SHARED = 1;
  static final int MAP_PRIVATE = 2;
  static final int MAP_FIXED = 0x10;
  static final int MAP_ANONYMOUS = 0x20;
  static final int MAP_NORESERVE = 0x4000;
  static final long MAP_FAILED = -1;

  static {
    Native.register(MemoryCalls.class, Platform.C_LIBRARY_NAME);
  }

  private MemoryCalls() {}

  /// @param name address of a string that ends in a zero octet
  static native int memfd_create(long name, int flags);

  static native int ftruncate(int fd, long length);

  static native int fcntl(int fd, int command, int argument);

  static native long lseek(int fd, long offset, int whence);

  static native long mmap(
      long address, long length, int protection, int flags, int fd, long offset);

  static native int munmap(long address, long length);

  static native int close(int fd);
}
