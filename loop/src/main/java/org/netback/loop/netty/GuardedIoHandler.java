package org.netback.loop.netty;

import io.netty.channel.Channel;
import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoOps;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import org.jspecify.annotations.Nullable;
import org.netback.loop.InternalErrors;

/// Netty's handler of descriptors, which also tells for how long of its last run it was not
/// waiting: what is ready is handled within the run. Confined to the loop, except [#wakeup].
///
/// What a handle throws is recorded, and the handle's registration cancelled: left alone, Netty
/// would sleep for a second and forget the other descriptors that are ready, or end its thread.
/// Netty's own handles, of channels, know what to do themselves.
final class GuardedIoHandler implements IoHandler {
  private final IoHandler handler;
  private final String loopName;
  private final InternalErrors errors;
  private final Context context = new Context();
  private long activeNanos;

  GuardedIoHandler(IoHandler handler, String loopName, InternalErrors errors) {
    this.handler = handler;
    this.loopName = loopName;
    this.errors = errors;
  }

  /// Nanoseconds that handles took in the last run.
  long activeNanos() {
    return activeNanos;
  }

  @Override
  public int run(IoHandlerContext loop) {
    activeNanos = 0;
    context.loop = loop;
    return handler.run(context);
  }

  @Override
  public void initialize() {
    handler.initialize();
  }

  @Override
  public void prepareToDestroy() {
    handler.prepareToDestroy();
  }

  @Override
  public void destroy() {
    handler.destroy();
  }

  @Override
  public IoRegistration register(IoHandle handle) throws Exception {
    return handle instanceof EpollIoHandle ours && !(handle instanceof Channel.Unsafe)
        ? handler.register(new Guarded(ours))
        : new Kept(handler.register(handle));
  }

  @Override
  public void wakeup() {
    handler.wakeup();
  }

  @Override
  public boolean isCompatible(Class<? extends IoHandle> handleType) {
    return handler.isCompatible(handleType);
  }

  /// Of a channel. Netty takes its descriptor out of epoll when it waits for nothing, as one does
  /// whose peer has ended its half, and then fails to wait for room to write. So it waits at least
  /// for errors, which epoll reports unasked; by edges, or a peer that has gone would be reported
  /// without end.
  private static final class Kept implements IoRegistration {
    private static final EpollIoOps LEAST = EpollIoOps.EPOLLERR.with(EpollIoOps.EPOLLET);

    private final IoRegistration registration;
    private boolean added;

    Kept(IoRegistration registration) {
      this.registration = registration;
    }

    @Override
    @SuppressWarnings("TypeParameterUnusedInFormals") // Netty's
    public <T> T attachment() {
      return registration.attachment();
    }

    @Override
    public long submit(IoOps ops) {
      boolean none = ops instanceof EpollIoOps epoll && epoll.value() == 0;
      added |= !none;
      return registration.submit(none && added ? LEAST : ops);
    }

    @Override
    public boolean isValid() {
      return registration.isValid();
    }

    @Override
    public boolean cancel() {
      return registration.cancel();
    }
  }

  private final class Guarded implements EpollIoHandle {
    private final EpollIoHandle handle;

    Guarded(EpollIoHandle handle) {
      this.handle = handle;
    }

    @Override
    public FileDescriptor fd() {
      return handle.fd();
    }

    @Override
    public void handle(IoRegistration registration, IoEvent event) {
      try {
        handle.handle(registration, event);
      } catch (Throwable e) {
        record(e);
        registration.cancel();
      }
    }

    @Override
    public void registered() {
      handle.registered();
    }

    @Override
    public void unregistered() {
      handle.unregistered();
    }

    @Override
    public void close() {
      try {
        handle.close();
      } catch (Throwable e) {
        record(e);
      }
    }

    private void record(Throwable e) {
      errors.record(loopName + ", " + handle, e);
    }
  }

  private final class Context implements IoHandlerContext {
    private @Nullable IoHandlerContext loop;

    private IoHandlerContext loop() {
      IoHandlerContext running = loop;
      if (running == null) {
        throw new IllegalStateException("asked outside of a run");
      }
      return running;
    }

    @Override
    public boolean canBlock() {
      return loop().canBlock();
    }

    @Override
    public long delayNanos(long currentTimeNanos) {
      return loop().delayNanos(currentTimeNanos);
    }

    @Override
    public long deadlineNanos() {
      return loop().deadlineNanos();
    }

    @Override
    public boolean shouldReportActiveIoTime() {
      return true;
    }

    @Override
    public void reportActiveIoTime(long nanos) {
      activeNanos += nanos;
    }
  }
}
