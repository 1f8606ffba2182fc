package org.netback.adapters.tap;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.StampedLock;
import org.netback.loop.netty.FdWatch;
import org.netback.loop.netty.NettyLoop;
import org.netback.offload.VirtioNetHeader;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.GsoType;
import org.netback.packet.OffloadSet;
import org.netback.vswitch.DropReason;
import org.netback.vswitch.Ingress;
import org.netback.vswitch.Observer;
import org.netback.vswitch.Port;
import org.netback.vswitch.PortTraffic;
import org.netback.vswitch.SwitchPort;

/// A [Tap] as a port of the switch.
///
/// Each queue is read on a loop of its own, a bounded round at a time, so that a busy tap leaves
/// the loop's other work its turn; what is left is announced again by epoll. Frames are written on
/// the sender's loop, one write each, by the queue that this loop reads, or else by one that the
/// thread picks: one sender's frames keep their order.
///
/// No packet or segment longer than the interface's MTU is written: the kernel would take any, and
/// receive what no sender on that interface may send.
///
/// A round of reading that throws costs its frames, and is told where the switch tells of its
/// faults. The queue is read on, after a rest of up to a second if it throws again and again.
///
/// A tap that is deleted under the daemon is reported once. From then on the port drops what it
/// gets, as it does before and after its life in the switch.
public final class TapPort implements Port {
  private static final long FIRST_REST_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final long LONGEST_REST_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Tap tap;
  private volatile OffloadSet accepts;
  private final PortTraffic traffic = new PortTraffic();
  private final TapCounters tapCounters = new TapCounters();
  private final List<Lane> lanes = new ArrayList<>();
  private final CompletableFuture<TapPort> gone = new CompletableFuture<>();
  private final CompletableFuture<TapPort> closed = new CompletableFuture<>();
  private final AtomicBoolean closing = new AtomicBoolean();

  /// Read-held while descriptors are written to, write-held from their closing on for ever: a
  /// number that is closed may be another file's a moment later.
  private final StampedLock open = new StampedLock();

  /// Takes every offload, behind VLAN tags too: the kernel is told where the checksum is.
  ///
  /// @throws IOException the interface is gone already
  public TapPort(Tap tap) throws IOException {
    this(tap, OffloadSet.ALL);
  }

  /// @param accepts what is written to the tap: less than everything makes the switch complete
  ///   checksums and segment beforehand; the MTU in it gives way to the interface's
  /// @throws IOException the interface is gone already
  public TapPort(Tap tap, OffloadSet accepts) throws IOException {
    this.tap = tap;
    this.accepts = accepts.withMtu(tap.mtu());
  }

  /// Takes over the interface's MTU, which others may change at any time, while the kernel tells
  /// nobody who writes to the tap. To be called now and then; any thread.
  public void followMtu() {
    long stamp = gone.isDone() ? 0 : open.tryReadLock();
    if (stamp == 0) {
      return;
    }
    try {
      int mtu = tap.mtu();
      if (mtu != accepts.mtu()) {
        accepts = accepts.withMtu(mtu);
      }
    } catch (IOException e) {
      // Deleted: reading or writing finds that out and reports it.
    } finally {
      open.unlockRead(stamp);
    }
  }

  /// Starts to read. Once.
  ///
  /// @param attached this port in its network
  /// @param loops queue i is read on loop i, modulo their number
  public void start(SwitchPort attached, List<NettyLoop> loops) {
    synchronized (lanes) {
      if (!lanes.isEmpty() || closing.get()) {
        throw new IllegalStateException(name() + " was started before");
      }
      for (int i = 0; i < tap.queues().size(); i++) {
        lanes.add(new Lane(attached, i, loops.get(i % loops.size())));
      }
      lanes.forEach(Lane::register);
    }
  }

  /// Stops reading and closes the tap. Any thread; the port should have left its network.
  /// Idempotent.
  ///
  /// @return completes when no descriptor is open any more
  public CompletableFuture<TapPort> shutDown() {
    if (closing.compareAndSet(false, true)) {
      List<CompletableFuture<Void>> stopped;
      synchronized (lanes) {
        stopped = lanes.stream().map(Lane::stop).toList();
      }
      CompletableFuture<Void> _ =
          CompletableFuture.allOf(stopped.toArray(CompletableFuture[]::new))
              .thenRun(
                  () -> {
                    // Never unlocked: see there.
                    open.writeLock();
                    tap.close();
                  })
              .whenComplete(
                  (_, failure) -> {
                    if (failure == null) {
                      closed.complete(this);
                    } else {
                      closed.completeExceptionally(failure);
                    }
                  });
    }
    return closed;
  }

  /// Completes once, on some loop, when the interface has been deleted under the port. The one who
  /// made the port then takes it out of its network and calls [#shutDown].
  public CompletableFuture<TapPort> gone() {
    return gone;
  }

  @Override
  public String name() {
    return tap.name();
  }

  public Tap tap() {
    return tap;
  }

  @Override
  public OffloadSet accepts() {
    return accepts;
  }

  @Override
  public PortTraffic traffic() {
    return traffic;
  }

  public TapCounters tapCounters() {
    return tapCounters;
  }

  @Override
  public void transmit(FrameBatch frames) {
    long stamp = gone.isDone() ? 0 : open.tryReadLock();
    if (stamp == 0) {
      traffic.drop(DropReason.PORT_DOWN, Observer.NO_QUEUE, frames, 0);
      return;
    }
    try {
      write(frames, queueOfThisThread());
    } finally {
      open.unlockRead(stamp);
    }
  }

  private void write(FrameBatch frames, int number) {
    TapQueue queue = tap.queues().get(number);
    boolean observed = traffic.isObserved();
    int size = frames.size();
    int written = 0;
    int gso = 0;
    long octets = 0;
    for (int i = 0; i < size; i++) {
      Frame frame = frames.get(i);
      if (!frame.pull()) {
        // Torn: its sender's fault, and counted there.
        continue;
      }
      if (VirtioNetHeader.write(frame) != VirtioNetHeader.Outcome.OK) {
        traffic.drop(DropReason.DELIVERY_FAILED, number, frame);
        continue;
      }
      int result = queue.write(frame);
      if (result > 0) {
        written++;
        octets += frame.length();
        if (frame.gso() != GsoType.NONE) {
          gso++;
        }
        if (observed) {
          traffic.showDelivered(number, frame);
        }
      } else if (result == 0) {
        traffic.drop(DropReason.BACKLOG_FULL, number, frame);
      } else if (TapQueue.isDown(result) || TapQueue.isGone(result)) {
        // The rest would fare no better, and each refusal costs an exception.
        traffic.drop(DropReason.PORT_DOWN, number, frames, i);
        if (!TapQueue.isDown(result)) {
          gone.complete(this);
        }
        break;
      } else {
        traffic.drop(DropReason.DELIVERY_FAILED, number, frame);
      }
    }
    if (written > 0) {
      traffic.countDelivered(written, octets);
      tapCounters.written(gso);
    }
  }

  private int queueOfThisThread() {
    int queues = tap.queues().size();
    if (queues == 1) {
      return 0;
    }
    for (int i = 0; i < lanes.size(); i++) {
      if (lanes.get(i).loop.inLoop()) {
        return i;
      }
    }
    return (int) (Thread.currentThread().threadId() % queues);
  }

  /// One queue on its loop, to which everything here is confined.
  private final class Lane {
    private final SwitchPort attached;
    private final int number;
    private final TapQueue queue;
    private final NettyLoop loop;
    private final Ingress ingress;
    private final TapReader reader;
    private final CompletableFuture<Void> stopped = new CompletableFuture<>();
    private Optional<FdWatch> watch = Optional.empty();
    private boolean stopping;

    /// Rounds in a row that threw.
    private int failures;

    Lane(SwitchPort attached, int number, NettyLoop loop) {
      this.attached = attached;
      this.number = number;
      this.queue = tap.queues().get(number);
      this.loop = loop;
      this.ingress = attached.openIngress(number);
      this.reader = new TapReader(queue);
    }

    void register() {
      loop.execute(
          () -> {
            if (stopping) {
              return;
            }
            try {
              watch = Optional.of(FdWatch.open(loop, queue.fd().intValue(), this::ready));
            } catch (IOException e) {
              // epoll does not take the descriptor: the tap is of no use.
              gone.complete(TapPort.this);
            }
          });
    }

    CompletableFuture<Void> stop() {
      loop.execute(
          () -> {
            stopping = true;
            try {
              unwatch();
              ingress.close();
            } finally {
              stopped.complete(null);
            }
          });
      return stopped;
    }

    private void unwatch() {
      watch.ifPresent(FdWatch::close);
      watch = Optional.empty();
    }

    private void ready(boolean broken) {
      if (stopping) {
        return;
      }
      try {
        round(broken);
        failures = 0;
      } catch (Throwable e) {
        traffic.drop(DropReason.DELIVERY_FAILED, number, reader.frames(), 0);
        attached.tellFault(e);
        if (++failures > 1) {
          rest();
        }
      }
    }

    /// Reads no more for 1 ms, then 2 ms, up to a second: a fault that comes with every round must
    /// not keep the loop busy.
    private void rest() {
      watch.ifPresent(FdWatch::pause);
      loop.schedule(
          Math.min(LONGEST_REST_NANOS, FIRST_REST_NANOS << Math.min(failures - 2, 10)),
          () -> watch.ifPresent(FdWatch::resume));
    }

    private void round(boolean broken) {
      TapReader.Ending ending = reader.read();
      FrameBatch frames = reader.frames();
      account(frames);
      if (!frames.isEmpty()) {
        ingress.forward(frames);
      }
      if (ending == TapReader.Ending.GONE || broken && ending == TapReader.Ending.DRAINED) {
        // epoll would announce it for ever.
        unwatch();
        gone.complete(TapPort.this);
      }
    }

    private void account(FrameBatch frames) {
      int gso = 0;
      for (int i = 0; i < frames.size(); i++) {
        if (frames.get(i).gso() != GsoType.NONE) {
          gso++;
        }
      }
      tapCounters.round(gso, reader.failed());
      FrameBatch rejects = reader.rejects();
      for (int i = 0; i < rejects.size(); i++) {
        traffic.drop(reader.reason(i), number, rejects.get(i));
      }
    }
  }
}
