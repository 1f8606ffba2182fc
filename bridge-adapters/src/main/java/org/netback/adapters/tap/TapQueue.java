package org.netback.adapters.tap;

import io.netty.channel.unix.Errors.NativeIoException;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import org.netback.loop.libc.Errno;
import org.netback.offload.VirtioNetHeader;
import org.netback.packet.Frame;

/// One queue of a [Tap]: moves a frame and the virtio_net_hdr before it with one read or write.
/// Says what it moved in octets or what hindered it as a negative errno, and leaves the header's
/// meaning to its user.
///
/// Reads are confined to one thread; writes may come from any.
public final class TapQueue implements AutoCloseable {
  /// A closed descriptor, as the kernel would say it.
  private static final int CLOSED = -Errno.EBADF;

  private final FileDescriptor fd;

  TapQueue(int fd) {
    this.fd = new FileDescriptor(fd);
  }

  /// To be registered with an event loop.
  public FileDescriptor fd() {
    return fd;
  }

  /// Reads the next frame, the header into the [VirtioNetHeader#SIZE] octets before it. What does
  /// not fit into the frame's length is lost.
  ///
  /// @return octets of the frame; 0 if none waits; else a negative errno, see [#isGone]
  public int read(Frame frame) {
    long start = frame.memory().address() + frame.offset() - VirtioNetHeader.SIZE;
    try {
      int moved = fd.readAddress(start, 0, VirtioNetHeader.SIZE + frame.length());
      return Math.max(0, moved - VirtioNetHeader.SIZE);
    } catch (NativeIoException e) {
      return e.expectedErr();
    } catch (IOException e) {
      return CLOSED;
    }
  }

  /// Writes a frame, whose header is in the [VirtioNetHeader#SIZE] octets before it.
  ///
  /// @param frame whole
  /// @return octets written; 0 if the kernel has no room now; else a negative errno
  public int write(Frame frame) {
    long start = frame.memory().address() + frame.offset() - VirtioNetHeader.SIZE;
    try {
      return fd.writeAddress(start, 0, VirtioNetHeader.SIZE + frame.length());
    } catch (NativeIoException e) {
      return e.expectedErr();
    } catch (IOException e) {
      return CLOSED;
    }
  }

  /// Whether a result says that the interface exists no more.
  public static boolean isGone(int result) {
    return switch (-result) {
      // EFAULT is what a read gets while the deletion is under way: the addresses are ours and
      // good.
      case Errno.EBADFD, Errno.ENODEV, Errno.EBADF, Errno.EFAULT -> true;
      default -> false;
    };
  }

  /// Whether a result says that the interface is switched off.
  public static boolean isDown(int result) {
    return result == -Errno.EIO;
  }

  /// Idempotent.
  @Override
  public void close() {
    try {
      fd.close();
    } catch (IOException e) {
      // Linux has closed the descriptor even so, and a tap has nothing to write out.
    }
  }
}
