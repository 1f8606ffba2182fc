package org.netback.xen.netty;

import io.netty.channel.IoEventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SingleThreadIoEventLoop;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.netback.xen.event.EventLoop;
import org.netback.xen.event.Polled;

/// An event loop with a thread of its own, which waits in epoll.
public final class NettyLoop implements EventLoop, AutoCloseable {
  private static final long CLOSE_MILLIS = 10_000;

  private final String name;
  private final MultiThreadIoEventLoopGroup group;
  private final IoEventLoop loop;
  private final Lingering lingering;

  private NettyLoop(String name, long lingerNanos) {
    this.name = name;
    this.lingering = new Lingering(lingerNanos, System::nanoTime, this::rethrow);
    // The group of one belongs to the loop: Netty makes loops in groups only.
    group =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory(name, true), timed(EpollIoHandler.newFactory())) {
          @Override
          protected IoEventLoop newChild(
              Executor executor, IoHandlerFactory ioHandlerFactory, Object... args) {
            return new FairLoop(this, executor, ioHandlerFactory, lingering);
          }
        };
    loop = group.next();
  }

  private static IoHandlerFactory timed(IoHandlerFactory factory) {
    return executor -> new TimedIoHandler(factory.newHandler(executor));
  }

  /// Has Netty log it, as an exception of a task. Thrown where it came from it would end the
  /// thread.
  private void rethrow(RuntimeException e) {
    loop.execute(
        () -> {
          throw e;
        });
  }

  /// Starts a loop that never lingers; its daemon thread comes with the first task.
  ///
  /// @param name of the thread, followed by Netty's numbers
  public static NettyLoop start(String name) {
    return start(name, 0);
  }

  /// Starts a loop.
  ///
  /// @param lingerNanos the longest it looks for more work before it sleeps, see [#linger]
  public static NettyLoop start(String name, long lingerNanos) {
    // Also loads the native library, without which FileDescriptor's calls fail.
    Epoll.ensureAvailability();
    return new NettyLoop(name, lingerNanos);
  }

  /// Netty's loop, for channels and [io.netty.channel.IoHandle]s.
  public IoEventLoop ioEventLoop() {
    return loop;
  }

  @Override
  public void execute(Runnable task) {
    loop.execute(task);
  }

  @Override
  public Timer schedule(long delayNanos, Runnable task) {
    var future = loop.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
    return () -> future.cancel(false);
  }

  @Override
  public boolean inLoop() {
    return loop.inEventLoop();
  }

  @Override
  public boolean linger(Polled work) {
    return lingering.add(work, System.nanoTime());
  }

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }

  /// Ends the thread after the tasks that are already there; later ones are refused with a
  /// RejectedExecutionException. Waits, unless called on the loop. Idempotent.
  @Override
  public void close() {
    var terminated = group.shutdownGracefully(0, CLOSE_MILLIS, TimeUnit.MILLISECONDS);
    if (!loop.inEventLoop()) {
      terminated.awaitUninterruptibly(CLOSE_MILLIS);
    }
  }

  @Override
  public String toString() {
    return name;
  }

  /// Netty runs tasks for up to a second, and always 64 of them, before it looks at descriptors
  /// again. A queue that always has another round to run would keep the events of all others on its
  /// loop waiting for so long. This looks after a few tasks.
  ///
  /// It also lingers: as long as there is something to look at it does not wait for descriptors,
  /// and looks at them in between.
  private static final class FairLoop extends SingleThreadIoEventLoop {
    private static final int TASKS = 8;

    private final Lingering lingering;
    private int left;
    private int rounds;

    FairLoop(
        IoEventLoopGroup parent,
        Executor executor,
        IoHandlerFactory ioHandlerFactory,
        Lingering lingering) {
      super(parent, executor, ioHandlerFactory);
      this.lingering = lingering;
    }

    @Override
    protected int runIo() {
      left = TASKS;
      if (!lingering.isEmpty()) {
        // A look at descriptors is a system call, and a turn of Netty's costs as much as a short
        // round: not after every one.
        int found;
        do {
          found = lingering.poll();
          rounds += found;
        } while (found > 0 && rounds < Lingering.ROUNDS && !super.hasTasks());
        if (found > 0 && rounds < Lingering.ROUNDS) {
          return 0;
        }
        rounds = 0;
      }
      if (hasTasks()) {
        return super.runIo();
      }
      long before = System.nanoTime();
      int ready = super.runIo();
      long active = ((TimedIoHandler) ioHandler()).activeNanos();
      lingering.slept(System.nanoTime() - before - active);
      return ready;
    }

    /// While it lingers, there is always something to do.
    @Override
    protected boolean hasTasks() {
      return super.hasTasks() || !lingering.isEmpty();
    }

    /// None when their turn is over: the loop then goes on to its descriptors, where it does not
    /// wait, since there are tasks.
    @Override
    protected @Nullable Runnable pollTask() {
      return left-- > 0 ? super.pollTask() : null;
    }
  }
}
