package org.netback.console;

import io.netty.channel.unix.Errors.NativeIoException;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.ControlChar;
import org.jline.terminal.Attributes.ControlFlag;
import org.jline.terminal.Attributes.InputFlag;
import org.jline.terminal.Attributes.LocalFlag;
import org.jline.terminal.Attributes.OutputFlag;
import org.jline.terminal.Size;
import org.jline.terminal.impl.jni.JniTerminalProvider;
import org.jline.terminal.impl.jni.linux.LinuxNativePty;
import org.netback.loop.libc.Errno;
import org.netback.loop.libc.LibC;
import org.netback.loop.netty.FdWatch;
import org.netback.loop.netty.NettyLoop;

/// A console on a pty, as `xl console`, `screen` and `picocom` take it. The other end is in raw
/// mode and stays open here too, so that clients may come and go.
///
/// Output that nobody reads from the pty waits, up to the console's limit; then the guest waits, or
/// the oldest is lost ([Overflow]).
///
/// Lives on its console's loop; the output that waits is guarded by this object.
final class Pty implements Viewer {
  private static final int CHUNK = 4096;

  private final LinuxNativePty pty;
  private final FileDescriptor master;
  private final GuestConsole console;
  private final NettyLoop loop;
  private final Overflow overflow;
  private final OctetQueue output;
  private boolean flushQueued;
  private boolean closed;

  /// The loop's.
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK);

  private final byte[] outgoing = new byte[CHUNK];

  /// What was typed, of which the console has not taken all yet.
  private final byte[] typed = new byte[CHUNK];

  private int typedAt;
  private int typedEnd;
  private Optional<FdWatch> watch = Optional.empty();

  private Pty(
      LinuxNativePty pty, GuestConsole console, NettyLoop loop, Overflow overflow, int limit) {
    this.pty = pty;
    this.master = new FileDescriptor(pty.getMaster());
    this.console = console;
    this.loop = loop;
    this.overflow = overflow;
    this.output = new OctetQueue(Math.max(limit, 2 * GuestConsole.CHUNK));
  }

  /// Opens a pty, and begins to read what is typed there.
  ///
  /// @param loop the console's
  /// @param limit octets of output that may wait
  static Pty open(GuestConsole console, NettyLoop loop, Overflow overflow, int limit)
      throws IOException {
    LinuxNativePty pty = LinuxNativePty.open(new JniTerminalProvider(), raw(), Size.of(80, 24));
    try {
      if (pty.getName() == null || pty.getName().isEmpty()) {
        throw new IOException("it has no name here: mount devpts at /dev/pts");
      }
      if (LibC.fcntl(pty.getMaster(), LibC.F_SETFL, LibC.O_RDWR | LibC.O_NONBLOCK) < 0) {
        throw Errno.last("O_NONBLOCK of a pty");
      }
    } catch (Throwable e) {
      pty.close();
      throw e;
    }
    Pty opened = new Pty(pty, console, loop, overflow, limit);
    loop.execute(opened::begin);
    return opened;
  }

  /// What cfmakeraw(3) leaves.
  private static Attributes raw() {
    Attributes raw = new Attributes();
    raw.setInputFlags(EnumSet.noneOf(InputFlag.class));
    raw.setOutputFlags(EnumSet.noneOf(OutputFlag.class));
    raw.setLocalFlags(EnumSet.noneOf(LocalFlag.class));
    raw.setControlFlags(EnumSet.of(ControlFlag.CS8, ControlFlag.CREAD));
    raw.setControlChar(ControlChar.VMIN, 1);
    raw.setControlChar(ControlChar.VTIME, 0);
    return raw;
  }

  /// Of the other end: `/dev/pts/3`.
  String path() {
    return pty.getName();
  }

  @Override
  public String name() {
    return "pty " + path();
  }

  private void begin() {
    if (isClosed()) {
      return;
    }
    try {
      watch = Optional.of(FdWatch.open(loop, master.intValue(), this::readyOrBroken));
      flush();
    } catch (Throwable e) {
      broken(e);
    }
  }

  private void readyOrBroken(boolean broken) {
    try {
      ready(broken);
    } catch (Throwable e) {
      broken(e);
    }
  }

  /// Of no use any more: it must not hold its guest back.
  private void broken(Throwable e) {
    loop.errors().record(name(), e);
    synchronized (this) {
      closed = true;
      output.clear();
    }
    console.detach(this);
    watch.ifPresent(FdWatch::close);
    watch = Optional.empty();
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  @Override
  public void output(byte[] octets, int length) {
    synchronized (this) {
      if (closed) {
        return;
      }
      if (overflow == Overflow.KEEP) {
        output.add(octets, 0, length);
      } else {
        output.addNewest(octets, 0, length);
      }
      if (flushQueued) {
        return;
      }
      flushQueued = true;
    }
    execute(this::flush);
  }

  @Override
  public synchronized boolean isFull() {
    return !closed && output.room() < GuestConsole.CHUNK;
  }

  /// From any thread, under the console's guard: read on later.
  @Override
  public void inputAccepted() {
    execute(this::pass);
  }

  @Override
  public void closed(String reason) {
    synchronized (this) {
      closed = true;
      output.clear();
    }
    execute(this::end);
  }

  private void execute(Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      // The loop has ended, and everything with it.
      return;
    }
  }

  private void end() {
    watch.ifPresent(FdWatch::close);
    watch = Optional.empty();
    try {
      pty.close();
    } catch (IOException e) {
      loop.errors().record(name(), e);
    }
  }

  /// Something was typed, or there is room for output.
  private void ready(boolean broken) {
    if (broken) {
      // Never while the other end is open here.
      throw new IllegalStateException(name() + " is broken");
    }
    flush();
    if (typedAt == typedEnd) {
      read();
    }
    pass();
  }

  private void read() {
    buffer.clear();
    try {
      int count = master.read(buffer, 0, CHUNK);
      if (count > 0) {
        buffer.get(0, typed, 0, count);
        typedAt = 0;
        typedEnd = count;
      }
    } catch (NativeIoException e) {
      if (e.expectedErr() != -Errno.EAGAIN) {
        throw new IllegalStateException("read of " + name(), e);
      }
    } catch (IOException e) {
      throw new IllegalStateException("read of " + name(), e);
    }
  }

  /// Passes on what was typed, as far as the console takes it.
  private void pass() {
    if (typedAt < typedEnd) {
      typedAt += console.input(this, typed, typedAt, typedEnd - typedAt);
    }
    listen();
  }

  private void listen() {
    boolean writes;
    synchronized (this) {
      writes = !output.isEmpty();
    }
    watch.ifPresent(each -> each.listenFor(typedAt == typedEnd, writes));
  }

  /// Writes what waits, as far as the pty takes it.
  private void flush() {
    boolean wasFull;
    synchronized (this) {
      flushQueued = false;
      if (closed || watch.isEmpty()) {
        return;
      }
      wasFull = isFull();
      boolean taken = true;
      while (taken && !output.isEmpty()) {
        int count = output.peek(outgoing);
        buffer.clear();
        buffer.put(0, outgoing, 0, count);
        int written = write(count);
        output.remove(written);
        taken = written == count;
      }
    }
    listen();
    if (wasFull && !isFull()) {
      console.goOn();
    }
  }

  private int write(int count) {
    try {
      return master.write(buffer, 0, count);
    } catch (NativeIoException e) {
      if (e.expectedErr() == -Errno.EAGAIN) {
        return 0;
      }
      throw new IllegalStateException("write to " + name(), e);
    } catch (IOException e) {
      throw new IllegalStateException("write to " + name(), e);
    }
  }
}
