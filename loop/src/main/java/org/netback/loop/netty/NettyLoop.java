package org.netback.loop.netty;

import io.netty.channel.IoEventLoop;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SingleThreadIoEventLoop;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.netback.loop.EventLoop;
import org.netback.loop.InternalErrors;
import org.netback.loop.Polled;

/// An event loop with a thread of its own, which waits in epoll.
public final class NettyLoop implements EventLoop, AutoCloseable {
  private static final long CLOSE_MILLIS = 10_000;

  private final String name;
  private final MultiThreadIoEventLoopGroup group;
  private final IoEventLoop loop;
  private final Lingering lingering;
  private final InternalErrors errors;

  private NettyLoop(String name, long lingerNanos, InternalErrors errors) {
    this.name = name;
    this.errors = errors;
    this.lingering = new Lingering(lingerNanos, System::nanoTime, this::escaped);
    // The group of one belongs to the loop: Netty makes loops in groups only.
    group =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory(name, true), guarded(EpollIoHandler.newFactory())) {
          @Override
          protected IoEventLoop newChild(
              Executor executor, IoHandlerFactory ioHandlerFactory, Object... args) {
            return new FairLoop(
                this, executor, ioHandlerFactory, lingering, NettyLoop.this::escaped);
          }
        };
    loop = group.next();
  }

  private IoHandlerFactory guarded(IoHandlerFactory factory) {
    return executor -> new GuardedIoHandler(factory.newHandler(executor), name, errors);
  }

  private void escaped(Throwable error) {
    errors.record(name, error);
  }

  /// Starts a loop that never lingers, and tells the system's log what escapes its callbacks.
  public static NettyLoop start(String name) {
    return start(name, 0);
  }

  /// The same, for a loop that lingers.
  public static NettyLoop start(String name, long lingerNanos) {
    return start(name, lingerNanos, new InternalErrors(System::nanoTime));
  }

  /// Starts a loop; its daemon thread comes with the first task.
  ///
  /// @param name of the thread, followed by Netty's numbers
  /// @param lingerNanos the longest it looks for more work before it sleeps, see [#linger]
  /// @param errors where it records what escapes its callbacks
  public static NettyLoop start(String name, long lingerNanos, InternalErrors errors) {
    // Also loads the native library, without which FileDescriptor's calls fail.
    Epoll.ensureAvailability();
    return new NettyLoop(name, lingerNanos, errors);
  }

  /// Netty's loop, for channels and [io.netty.channel.IoHandle]s. What such a handle throws is
  /// recorded, and its registration cancelled.
  public IoEventLoop ioEventLoop() {
    return loop;
  }

  @Override
  public void execute(Runnable task) {
    loop.execute(task);
  }

  @Override
  public Timer schedule(long delayNanos, Runnable task) {
    Timed timed = new Timed(task);
    timed.future = loop.schedule(timed, delayNanos, TimeUnit.NANOSECONDS);
    return timed;
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
  public InternalErrors errors() {
    return errors;
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

  /// A timer. Netty would keep what the task throws in the future, at which nobody looks.
  private final class Timed implements Runnable, Timer {
    private final Runnable task;
    private @Nullable Future<?> future;

    Timed(Runnable task) {
      this.task = task;
    }

    @Override
    public void run() {
      try {
        task.run();
      } catch (Throwable e) {
        escaped(e);
      }
    }

    @Override
    public void cancel() {
      Future<?> scheduled = future;
      if (scheduled != null) {
        scheduled.cancel(false);
      }
    }
  }

  /// Netty runs tasks for up to a second, and always 64 of them, before it looks at descriptors
  /// again. A queue that always has another round to run would keep the events of all others on its
  /// loop waiting for so long. This looks after a few tasks.
  ///
  /// It also lingers: as long as there is something to look at it does not wait for descriptors,
  /// and looks at them in between.
  ///
  /// And it lets nothing out: Netty would log a task's exception as a warning of its own, and end
  /// the thread at an error of a descriptor's.
  private static final class FairLoop extends SingleThreadIoEventLoop {
    private static final int TASKS = 8;

    /// So that it does not spin if it cannot even wait.
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final Lingering lingering;
    private final Consumer<Throwable> escaped;
    private final Runnable guarded = this::runGuarded;
    private @Nullable Runnable task;
    private int left;
    private int rounds;

    FairLoop(
        IoEventLoopGroup parent,
        Executor executor,
        IoHandlerFactory ioHandlerFactory,
        Lingering lingering,
        Consumer<Throwable> escaped) {
      super(parent, executor, ioHandlerFactory);
      this.lingering = lingering;
      this.escaped = escaped;
    }

    @Override
    protected int runIo() {
      try {
        return lingerOrWait();
      } catch (Throwable e) {
        escaped.accept(e);
        LockSupport.parkNanos(PAUSE_NANOS);
        return 0;
      }
    }

    private int lingerOrWait() {
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
      long active = ((GuardedIoHandler) ioHandler()).activeNanos();
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
      if (left-- <= 0) {
        return null;
      }
      // Netty runs what it polls at once.
      task = super.pollTask();
      return task == null ? null : guarded;
    }

    /// The tasks that are left when the loop ends, which Netty takes past [#pollTask].
    @Override
    protected boolean runAllTasks() {
      boolean ran = false;
      left = Integer.MAX_VALUE;
      for (Runnable next = pollTask(); next != null; next = pollTask()) {
        next.run();
        ran = true;
      }
      return super.runAllTasks() || ran;
    }

    private void runGuarded() {
      Runnable polled = task;
      task = null;
      if (polled != null) {
        try {
          polled.run();
        } catch (Throwable e) {
          escaped.accept(e);
        }
      }
    }
  }
}
