package org.netback.console;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.netback.loop.netty.FdWatch;
import org.netback.loop.netty.NettyLoop;
import org.netback.loop.netty.PtyMaster;

/// A console on a pty, as `xl console`, `screen` and `picocom` take it. The other end is in raw
/// mode and stays open here too, so that clients may come and go.
///
/// Output that nobody reads from the pty waits, up to the console's limit; then the guest waits, or
/// the oldest is lost ([Overflow]).
///
/// Lives on its console's loop; the output that waits is guarded by this object.
final class Pty implements Viewer {
  private static final int CHUNK = 4096;

  private final PtyMaster pty;
  private final GuestConsole console;
  private final NettyLoop loop;
  private final Overflow overflow;
  private final OctetQueue output;
  private boolean flushQueued;
  private boolean closed;

  /// The loop's.
  private final byte[] outgoing = new byte[CHUNK];

  /// What was typed, of which the console has not taken all yet.
  private final byte[] typed = new byte[CHUNK];

  private int typedAt;
  private int typedEnd;
  private Optional<FdWatch> watch = Optional.empty();

  private Pty(PtyMaster pty, GuestConsole console, NettyLoop loop, Overflow overflow, int limit) {
    this.pty = pty;
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
    Pty opened = new Pty(PtyMaster.raw(), console, loop, overflow, limit);
    loop.execute(opened::begin);
    return opened;
  }

  /// Of the other end: `/dev/pts/3`.
  String path() {
    return pty.path();
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
      watch = Optional.of(FdWatch.open(loop, pty.descriptor(), this::readyOrBroken));
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
  private void ready(boolean broken) throws IOException {
    if (broken) {
      // Never while the other end is open here.
      throw new IllegalStateException(name() + " is broken");
    }
    flush();
    if (typedAt == typedEnd) {
      typedAt = 0;
      typedEnd = pty.read(typed);
    }
    pass();
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
      return pty.write(outgoing, 0, count);
    } catch (IOException e) {
      throw new UncheckedIOException("write to " + name(), e);
    }
  }
}
