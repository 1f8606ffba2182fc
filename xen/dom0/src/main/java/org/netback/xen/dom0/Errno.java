package org.netback.xen.dom0;

import java.io.IOException;

/// Names for the error numbers that Xen's devices give, for messages.
enum Errno {
  EPERM(1),
  ENOENT(2),
  ESRCH(3),
  EINTR(4),
  ENXIO(6),
  EAGAIN(11),
  ENOMEM(12),
  EACCES(13),
  EFAULT(14),
  EBUSY(16),
  EEXIST(17),
  ENODEV(19),
  EINVAL(22),
  ENFILE(23),
  EMFILE(24),
  ENOTTY(25),
  EFBIG(27),
  ENOSPC(28),
  ENOTCONN(107);

  private final int number;

  Errno(int number) {
    this.number = number;
  }

  boolean is(int other) {
    return number == other;
  }

  static String name(int number) {
    for (Errno error : values()) {
      if (error.number == number) {
        return error.name();
      }
    }
    return "errno " + number;
  }

  /// What a call refused: `mmap of 1 page: EINVAL`.
  static IOException refused(String call, int number) {
    return new IOException(call + ": " + name(number));
  }
}
