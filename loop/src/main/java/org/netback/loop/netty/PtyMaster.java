package org.netback.loop.netty;

import io.netty.channel.unix.Errors.NativeIoException;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.ControlFlag;
import org.jline.terminal.Size;
import org.jline.terminal.impl.jni.JniTerminalProvider;
import org.jline.terminal.impl.jni.linux.LinuxNativePty;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;

/// This side's end of a pty of 80 columns and 24 lines, read and written without waiting. The other
/// end, [#path()], stays open here too, so that others may open and close it as they like: nothing
/// is ever at its end.
///
/// Confined to one thread.
public final class PtyMaster implements AutoCloseable {
  private static final int CHUNK = 4096;
  private static final Size SIZE = Size.of(80, 24);

  private final LinuxNativePty pty;
  private final FileDescriptor master;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK);

  private PtyMaster(LinuxNativePty pty) {
    this.pty = pty;
    this.master = new FileDescriptor(pty.getMaster());
  }

  /// Opens a pty in raw mode: octets pass as they are, both ways.
  public static PtyMaster raw() throws IOException {
    Attributes none = new Attributes();
    none.setControlFlag(ControlFlag.CREAD, true);
    Attributes raw = RawMode.of(none);
    return opened(LinuxNativePty.open(new JniTerminalProvider(), raw, SIZE));
  }

  /// Opens a pty as the kernel makes it, for a shell: with echo, lines and signals.
  public static PtyMaster cooked() throws IOException {
    // No attributes: those that a new terminal has.
    return opened(LinuxNativePty.open(new JniTerminalProvider(), null, SIZE));
  }

  private static PtyMaster opened(LinuxNativePty pty) throws IOException {
    try {
      if (pty.getMaster() <= 0) {
        // JLine keeps the reason to itself.
        throw new IOException(
            "no pty can be opened: mount devpts at /dev/pts, or raise the limits of ptys"
                + " (kernel.pty.max) or of open files");
      }
      if (pty.getName() == null || pty.getName().isEmpty()) {
        throw new IOException("a new pty has no name here: mount devpts at /dev/pts");
      }
      if (LibC.fcntl(pty.getMaster(), LibC.F_SETFL, LibC.O_RDWR | LibC.O_NONBLOCK) < 0) {
        throw Errno.last("O_NONBLOCK of a pty");
      }
      return new PtyMaster(pty);
    } catch (Throwable e) {
      close(pty);
      throw e;
    }
  }

  /// JLine leaves the other end open. Idempotent.
  private static void close(LinuxNativePty pty) throws IOException {
    try {
      pty.close();
    } finally {
      if (pty.getSlave() > 0) {
        pty.getSlaveOutput().close();
      }
    }
  }

  /// Of the other end: `/dev/pts/3`. Any thread.
  public String path() {
    return pty.getName();
  }

  /// For an [FdWatch]. Any thread.
  public int descriptor() {
    return master.intValue();
  }

  /// Reads what was written to the other end.
  ///
  /// @return octets; 0 if there are none now
  public int read(byte[] into) throws IOException {
    buffer.clear();
    try {
      int count = Math.max(0, master.read(buffer, 0, Math.min(CHUNK, into.length)));
      buffer.get(0, into, 0, count);
      return count;
    } catch (NativeIoException e) {
      return noneIfItWouldWait(e);
    }
  }

  /// Has the other end read octets.
  ///
  /// @return how many it has room for; of more than 4096, no more than these
  public int write(byte[] from, int at, int length) throws IOException {
    int count = Math.min(CHUNK, length);
    buffer.clear();
    buffer.put(0, from, at, count);
    try {
      return master.write(buffer, 0, count);
    } catch (NativeIoException e) {
      return noneIfItWouldWait(e);
    }
  }

  private static int noneIfItWouldWait(NativeIoException e) throws NativeIoException {
    if (e.expectedErr() == -Errno.EAGAIN) {
      return 0;
    }
    throw e;
  }

  /// Closes both ends. Idempotent.
  @Override
  public void close() throws IOException {
    close(pty);
  }
}
