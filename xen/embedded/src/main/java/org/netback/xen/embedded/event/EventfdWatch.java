package org.netback.xen.embedded.event;

import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.netback.loop.netty.NettyLoop;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Rings a doorbell for each time that an eventfd is written.
///
/// Edge-triggered: every write wakes, and the counter is read only where wakes are held back, which
/// saves a system call per event. Nothing here waits for the loop, since channels are opened and
/// closed under the ground's lock; what a method asks for happens on the loop, in order.
final class EventfdWatch {
  private static final Logger LOG = LoggerFactory.getLogger(EventfdWatch.class);
  private static final EpollIoOps ARMED = EpollIoOps.EPOLLIN.with(EpollIoOps.EPOLLET);

  /// Waits for nothing. Not NONE, after which Netty's registration cannot be armed any more.
  private static final EpollIoOps MASKED = EpollIoOps.EPOLLET;

  private final NettyLoop loop;
  private final Eventfd eventfd;
  private final Doorbell doorbell;

  // The loop's from here on.
  private final MemorySegment counter = Arena.ofAuto().allocate(8, 8);
  private Optional<IoRegistration> registration = Optional.empty();
  private boolean closed;

  private EventfdWatch(NettyLoop loop, Eventfd eventfd, Doorbell doorbell) {
    this.loop = loop;
    this.eventfd = eventfd;
    this.doorbell = doorbell;
  }

  /// @param eventfd one reference of it is the watch's from now on
  static EventfdWatch open(NettyLoop loop, Eventfd eventfd, Doorbell doorbell) {
    EventfdWatch watch = new EventfdWatch(loop, eventfd, doorbell);
    if (!watch.onLoop(watch::register)) {
      eventfd.release();
    }
    return watch;
  }

  private void register() {
    var _ =
        loop.ioEventLoop()
            .register(new Handle())
            .addListener(
                future -> {
                  if (future.isSuccess()) {
                    registered((IoRegistration) future.getNow());
                  } else {
                    eventfd.release();
                    staysDeaf(future.cause());
                  }
                });
  }

  private void staysDeaf(Throwable why) {
    loop.errors().record(loop + ", an event channel that stays deaf", why);
  }

  private void registered(IoRegistration made) {
    if (closed) {
      made.cancel();
      eventfd.release();
    } else {
      registration = Optional.of(made);
      try {
        made.submit(ARMED);
      } catch (Throwable e) {
        // Netty would keep what its listeners throw to itself.
        staysDeaf(e);
      }
    }
  }

  /// Forgets what was written so far, which [#unmask] would otherwise wake for; on the loop. To be
  /// called before the peer's work is looked for, since what is written after the look must wake.
  void drain() {
    if (!closed) {
      eventfd.drain(counter);
    }
  }

  /// Lets nothing through until [#unmask], so that a storm does not keep the loop awake; on the
  /// loop.
  void mask() {
    if (!closed) {
      registration.ifPresent(r -> r.submit(MASKED));
    }
  }

  /// Wakes at once if something was written since [#drain]; on the loop.
  void unmask() {
    if (!closed) {
      registration.ifPresent(r -> r.submit(ARMED));
    }
  }

  /// Any thread; rings no more once the loop has come to it.
  void close() {
    boolean _ = onLoop(this::stop);
  }

  private void stop() {
    if (closed) {
      return;
    }
    closed = true;
    registration.ifPresent(
        r -> {
          // Out of epoll before the descriptor can close.
          r.cancel();
          eventfd.release();
        });
  }

  /// @return false if the loop has ended, and with it its registrations
  private boolean onLoop(Runnable task) {
    try {
      if (loop.inLoop()) {
        task.run();
      } else {
        loop.execute(task);
      }
      return true;
    } catch (RejectedExecutionException e) {
      LOG.debug("{} has ended", loop, e);
      return false;
    }
  }

  private final class Handle implements EpollIoHandle {
    @Override
    public FileDescriptor fd() {
      return eventfd.fd();
    }

    @Override
    public void handle(IoRegistration registration, IoEvent event) {
      if (!closed) {
        doorbell.ring();
      }
    }

    @Override
    public String toString() {
      return "event channel's descriptor " + eventfd.fd().intValue();
    }

    /// The loop has ended.
    @Override
    public void close() {
      stop();
    }
  }
}
