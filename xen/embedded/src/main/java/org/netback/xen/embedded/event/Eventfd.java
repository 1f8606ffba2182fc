package org.netback.xen.embedded.event;

import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;

/// An eventfd, not blocking, shared by whoever holds a reference to it and closed by the last to
/// release. Uses count as references, so that a ring on one thread never meets a descriptor that
/// another has just closed and that is some other file's by now.
final class Eventfd implements Doorbell {
  private static final MemorySegment ONE = Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 1);
  private static final int SIZE = 8;

  static {
    Epoll.ensureAvailability(); // loads what FileDescriptor calls
  }

  private final FileDescriptor fd;
  private final AtomicInteger references = new AtomicInteger(1);

  private Eventfd(int fd) {
    this.fd = new FileDescriptor(fd);
  }

  static Eventfd create() throws IOException {
    int fd = LibC.eventfd(0, LibC.EFD_NONBLOCK | LibC.EFD_CLOEXEC);
    if (fd < 0) {
      throw Errno.last("eventfd");
    }
    return new Eventfd(fd);
  }

  /// Takes over a descriptor that came from another process.
  static Eventfd adopt(int fd) {
    return new Eventfd(fd);
  }

  FileDescriptor fd() {
    return fd;
  }

  /// Adds a reference.
  ///
  /// @return false if there is none left and it is closed
  boolean retain() {
    int count;
    do {
      count = references.get();
      if (count == 0) {
        return false;
      }
    } while (!references.compareAndSet(count, count + 1));
    return true;
  }

  void release() {
    if (references.decrementAndGet() == 0) {
      try {
        fd.close();
      } catch (IOException e) {
        throw new IllegalStateException("close of eventfd " + fd.intValue(), e);
      }
    }
  }

  /// Adds one to its counter. A counter that is full stays so: it is readable as it is.
  @Override
  public void ring() {
    if (retain()) {
      try {
        int _ = fd.writeAddress(ONE.address(), 0, SIZE);
      } catch (IOException e) {
        throw new IllegalStateException("write to eventfd " + fd.intValue(), e);
      } finally {
        release();
      }
    }
  }

  /// Sets its counter to zero.
  ///
  /// @param scratch 8 octets of native memory
  void drain(MemorySegment scratch) {
    if (retain()) {
      try {
        int _ = fd.readAddress(scratch.address(), 0, SIZE);
      } catch (IOException e) {
        throw new IllegalStateException("read of eventfd " + fd.intValue(), e);
      } finally {
        release();
      }
    }
  }
}
