package org.netback.loop.netty;

import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.RejectedExecutionException;

/// Calls back on a loop while a file descriptor can be read: an eventfd, a tap, a pipe.
///
/// Level-triggered: a callback that leaves something to read is called again. At end of file or on
/// an error of the descriptor the callback is called too, for its read to find out. The descriptor
/// is the caller's, who may close it once [#close()] has returned.
///
/// A callback that throws has its watch stopped, since it would throw again at once; the loop
/// records the exception. [#pause()] is for callbacks that want a rest.
public final class FdWatch implements AutoCloseable {
  private static final int ERROR_OR_HANGUP = 0x8 | 0x10;

  /// Netty takes no interest at all for the end of the registration.
  private static final EpollIoOps PAUSED = EpollIoOps.EPOLLRDHUP;

  private final NettyLoop loop;
  private final Handle handle;
  private final IoRegistration registration;

  private FdWatch(NettyLoop loop, Handle handle, IoRegistration registration) {
    this.loop = loop;
    this.handle = handle;
    this.registration = registration;
  }

  /// What is called, on the loop.
  @FunctionalInterface
  public interface Ready {
    /// @param broken whether the file has had an error or its end
    void ready(boolean broken);
  }

  /// Starts to watch, for a callback to which an error is as good as something to read.
  ///
  /// @throws IOException as [#open(NettyLoop, int, Ready)]
  public static FdWatch open(NettyLoop loop, int fd, Runnable onReadable) throws IOException {
    return open(loop, fd, _ -> onReadable.run());
  }

  /// Starts to watch. Any thread: off the loop it waits for the loop. The callback may be called
  /// before this returns, unless called on the loop.
  ///
  /// @throws IOException if the kernel has no poll for this kind of file, or the descriptor is
  ///   watched already
  public static FdWatch open(NettyLoop loop, int fd, Ready onReady) throws IOException {
    Handle handle = new Handle(new FileDescriptor(fd), onReady);
    Future<IoRegistration> registered = loop.ioEventLoop().register(handle);
    registered.awaitUninterruptibly();
    if (!registered.isSuccess()) {
      throw new IOException("epoll_ctl of descriptor " + fd, registered.cause());
    }
    IoRegistration registration = registered.getNow();
    try {
      registration.submit(EpollIoOps.EPOLLIN);
    } catch (UncheckedIOException e) {
      registration.cancel();
      throw new IOException("epoll_ctl of descriptor " + fd, e);
    }
    return new FdWatch(loop, handle, registration);
  }

  /// Calls back no more for what can be read, until [#resume()]. On the loop.
  public void pause() {
    listenFor(false, false);
  }

  /// On the loop.
  public void resume() {
    listenFor(true, false);
  }

  /// Calls back for what can be read, for room to write, or both, and for neither otherwise. On the
  /// loop.
  public void listenFor(boolean readable, boolean writable) {
    if (!handle.stopped) {
      EpollIoOps ops = PAUSED;
      if (readable) {
        ops = ops.with(EpollIoOps.EPOLLIN);
      }
      if (writable) {
        ops = ops.with(EpollIoOps.EPOLLOUT);
      }
      registration.submit(ops);
    }
  }

  /// Stops: no callback starts after this has returned, and none is running unless this was called
  /// by one. Off the loop it waits for the loop, so don't hold a lock that the callback takes.
  /// Idempotent.
  @Override
  public void close() {
    if (loop.inLoop()) {
      stop();
      return;
    }
    try {
      loop.ioEventLoop().submit(this::stop).awaitUninterruptibly();
    } catch (RejectedExecutionException e) {
      // The loop has ended: there is no thread left that could call back.
      handle.stopped = true;
    }
  }

  private void stop() {
    if (!handle.stopped) {
      // Events of the same epoll_wait may still be handed to the handle after this.
      handle.stopped = true;
      registration.cancel();
    }
  }

  private static final class Handle implements EpollIoHandle {
    private final FileDescriptor fd;
    private final Ready onReady;
    private volatile boolean stopped;

    private Handle(FileDescriptor fd, Ready onReady) {
      this.fd = fd;
      this.onReady = onReady;
    }

    @Override
    public FileDescriptor fd() {
      return fd;
    }

    @Override
    public void handle(IoRegistration registration, IoEvent event) {
      if (stopped) {
        return;
      }
      try {
        onReady.ready((((EpollIoEvent) event).ops().value() & ERROR_OR_HANGUP) != 0);
      } catch (Throwable e) {
        // The loop cancels the registration; an event may have been fetched already.
        stopped = true;
        throw e;
      }
    }

    @Override
    public String toString() {
      return "watch of descriptor " + fd.intValue();
    }

    /// Called when the loop ends.
    @Override
    public void close() {
      stopped = true;
    }
  }
}
