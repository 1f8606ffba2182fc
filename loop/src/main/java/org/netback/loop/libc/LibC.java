package org.netback.loop.libc;

import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.io.IOException;

/// The calls of Linux's libc that this project makes, with the constants of its headers (x86_64 and
/// aarch64 alike). JNA maps them directly. Addresses are those of native memory segments; a
/// string's ends in a zero octet.
///
/// Each returns what libc does; on failure the error's number is JNA's last error of the thread
/// ([Errno#last]).
@SuppressWarnings("MemberName") // libc's names, by which JNA finds the functions
public final class LibC {
  // fcntl.h
  public static final int O_RDONLY = 0;
  public static final int O_RDWR = 2;
  public static final int O_NONBLOCK = 0x800;
  public static final int O_CLOEXEC = 0x80000;
  public static final int F_SETFL = 4;
  public static final int F_ADD_SEALS = 1033;
  public static final int F_GET_SEALS = 1034;
  public static final int F_SEAL_SEAL = 1;
  public static final int F_SEAL_SHRINK = 2;
  public static final int F_SEAL_GROW = 4;

  // unistd.h
  public static final int SEEK_END = 2;

  // sys/mman.h
  public static final int PROT_NONE = 0;
  public static final int PROT_READ = 1;
  public static final int PROT_WRITE = 2;
  public static final int MAP_SHARED = 1;
  public static final int MAP_PRIVATE = 2;
  public static final int MAP_FIXED = 0x10;
  public static final int MAP_ANONYMOUS = 0x20;
  public static final int MAP_NORESERVE = 0x4000;
  public static final long MAP_FAILED = -1;
  public static final int MFD_CLOEXEC = 1;
  public static final int MFD_ALLOW_SEALING = 2;

  // sys/socket.h
  public static final int AF_UNIX = 1;
  public static final int AF_INET = 2;
  public static final int SOCK_STREAM = 1;
  public static final int SOCK_DGRAM = 2;
  public static final int SOCK_SEQPACKET = 5;
  public static final int SOCK_CLOEXEC = 0x80000;
  public static final int SOL_SOCKET = 1;
  public static final int SO_PEERCRED = 17;
  public static final int SO_RCVTIMEO = 20;
  public static final int SO_SNDTIMEO = 21;
  public static final int SCM_RIGHTS = 1;
  public static final int MSG_CTRUNC = 8;
  public static final int MSG_TRUNC = 0x20;
  public static final int MSG_DONTWAIT = 0x40;
  public static final int MSG_NOSIGNAL = 0x4000;
  public static final int MSG_CMSG_CLOEXEC = 0x40000000;
  public static final int SHUT_RD = 0;
  public static final int SHUT_RDWR = 2;

  // sys/eventfd.h
  public static final int EFD_NONBLOCK = 0x800;
  public static final int EFD_CLOEXEC = 0x80000;

  // sched.h
  public static final int CLONE_NEWNET = 0x4000_0000;

  static {
    Native.register(LibC.class, Platform.C_LIBRARY_NAME);
  }

  private LibC() {}

  public static native int open(long path, int flags);

  public static native int close(int fd);

  public static native int ioctl(int fd, long request, long argument);

  public static native int fcntl(int fd, int command, int argument);

  public static native long lseek(int fd, long offset, int whence);

  public static native int ftruncate(int fd, long length);

  public static native long mmap(
      long address, long length, int protection, int flags, int fd, long offset);

  public static native int munmap(long address, long length);

  public static native int memfd_create(long name, int flags);

  public static native int eventfd(int initial, int flags);

  public static native int socket(int domain, int type, int protocol);

  public static native int socketpair(int domain, int type, int protocol, long twoDescriptors);

  public static native int bind(int fd, long address, int length);

  public static native int connect(int fd, long address, int length);

  public static native int listen(int fd, int backlog);

  public static native int accept4(int fd, long address, long length, int flags);

  public static native int getsockopt(int fd, int level, int name, long value, long length);

  public static native int setsockopt(int fd, int level, int name, long value, int length);

  public static native long sendmsg(int fd, long message, int flags);

  public static native long recvmsg(int fd, long message, int flags);

  public static native int shutdown(int fd, int how);

  public static native int getuid();

  public static native int setns(int fd, int type);

  /// The call's value, if it is none of an error.
  ///
  /// @throws IOException "TUNSETIFF vif1.0: EBUSY, what to do" if it is
  public static int check(int result, String call, ErrnoAdvice advice) throws IOException {
    if (result >= 0) {
      return result;
    }
    int errno = Errno.last();
    String help = advice.on(errno);
    throw new IOException(call + ": " + Errno.name(errno) + (help.isEmpty() ? "" : ", " + help));
  }

  /// Says what to do about an error, or nothing.
  @FunctionalInterface
  public interface ErrnoAdvice {
    ErrnoAdvice NONE = errno -> "";

    String on(int errno);
  }
}
