package org.netback.xen.netty;

import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoRegistration;
import org.jspecify.annotations.Nullable;

/// Netty's handler of descriptors, which also tells for how long of its last run it was not
/// waiting: what is ready is handled within the run. Confined to the loop, but for [#wakeup].
final class TimedIoHandler implements IoHandler {
  private final IoHandler handler;
  private final Context context = new Context();
  private long activeNanos;

  TimedIoHandler(IoHandler handler) {
    this.handler = handler;
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
    return handler.register(handle);
  }

  @Override
  public void wakeup() {
    handler.wakeup();
  }

  @Override
  public boolean isCompatible(Class<? extends IoHandle> handleType) {
    return handler.isCompatible(handleType);
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
