package org.netback.adapters.tap;

import com.sun.jna.Native;
import java.io.IOException;

/// The system calls that set a tap up (JNA direct mapping); frames go through Netty. Addresses are
/// those of native memory segments.
final class LibC {
  static final int O_RDONLY = 0;
  static final int O_RDWR = 2;
  static final int O_NONBLOCK = 0x800;
  static final int O_CLOEXEC = 0x80000;
  static final int AF_INET = 2;
  static final int SOCK_DGRAM = 2;
  static final int SOCK_CLOEXEC = 0x80000;
  static final int CLONE_NEWNET = 0x4000_0000;

  static {
    Native.register(LibC.class, "c");
  }

  private LibC() {}

  static native int open(long path, int flags);

  static native int close(int fd);

  static native int socket(int domain, int type, int protocol);

  static native int ioctl(int fd, long request, long argument);

  static native int setns(int fd, int type);

  /// The call's value, if it is none of an error.
  ///
  /// @throws IOException "TUNSETIFF vif1.0: EBUSY, what to do" if it is
  static int check(int result, String call, ErrnoAdvice advice) throws IOException {
    if (result >= 0) {
      return result;
    }
    int errno = Native.getLastError();
    String help = advice.on(errno);
    throw new IOException(call + ": " + Errno.name(errno) + (help.isEmpty() ? "" : ", " + help));
  }

  /// Says what to do about an error, or nothing.
  @FunctionalInterface
  interface ErrnoAdvice {
    ErrnoAdvice NONE = errno -> "";

    String on(int errno);
  }
}
