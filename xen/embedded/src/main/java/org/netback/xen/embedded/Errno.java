package org.netback.xen.embedded;

import com.sun.jna.Native;
import java.io.IOException;

/// Names for the error numbers that the calls of this package can give, for messages.
enum Errno {
  EPERM(1),
  ENOENT(2),
  EINTR(4),
  EBADF(9),
  EAGAIN(11),
  ENOMEM(12),
  EACCES(13),
  EINVAL(22),
  ENFILE(23),
  EMFILE(24),
  EFBIG(27),
  ENOSPC(28),
  EPIPE(32),
  EMSGSIZE(90),
  EADDRINUSE(98),
  ENOBUFS(105),
  ECONNRESET(104),
  ETIMEDOUT(110),
  ECONNREFUSED(111);

  private final int number;

  Errno(int number) {
    this.number = number;
  }

  boolean is(int other) {
    return number == other;
  }

  /// The error of this thread's last native call as an exception: `memfd_create: ENOSPC`.
  static IOException last(String call) {
    return of(call, Native.getLastError());
  }

  static IOException of(String call, int number) {
    for (Errno error : values()) {
      if (error.number == number) {
        return new IOException(call + ": " + error);
      }
    }
    return new IOException(call + ": errno " + number);
  }
}
