package org.netback.guest;

import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.netback.adapters.tap.Tap;
import org.netback.adapters.tap.TapOffload;
import org.netback.adapters.tap.TapQueue;
import org.netback.adapters.tap.TapReader;
import org.netback.loop.netty.NettyLoop;
import org.netback.offload.VirtioNetHeader;
import org.netback.packet.ChecksumState;
import org.netback.packet.Frame;
import org.netback.packet.FrameBatch;
import org.netback.packet.FrameView;
import org.netback.packet.GsoType;
import org.netback.xen.frontends.FrameSink;
import org.netback.xen.frontends.NetfrontFeatures;
import org.netback.xen.frontends.NetfrontListener;
import org.netback.xen.frontends.NetfrontQueue;
import org.netback.xen.frontends.SendResult;
import org.netback.xen.io.netif.ExtraInfo;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Puts a kernel's network stack behind a [org.netback.xen.frontends.Netfront]: what the kernel
/// sends into the tap goes into the tx ring, what comes out of the rx ring is written to the tap.
/// Queue i of the one belongs to queue i of the other, on one loop.
///
/// Nothing is dropped on the way out: while a ring is full, and while there is no connection, the
/// tap is not read, so the kernel's own queue in front of it fills and does what a queue does. The
/// tap's carrier, its offloads and its queues in use follow what the connection can do.
///
/// Whatever escapes one of its callbacks ends it: it says so at [#gone], since the queue in
/// question may stand still from then on, and throws it on, to be recorded by the loop.
///
/// To be used so: make the bridge, make the Netfront with the bridge as its sink and, perhaps by
/// way of a listener of one's own, its listener, [#start] the bridge with the Netfront's queues,
/// start the Netfront.
public final class TapBridge implements FrameSink, NetfrontListener {
  private static final Logger LOG = LoggerFactory.getLogger(TapBridge.class);
  private static final int ERROR_OR_HANGUP = 0x8 | 0x10;

  /// Waits for a deleted interface only: a tap never half-closes. Netty takes no interest at all
  /// for the end of the registration.
  private static final EpollIoOps PAUSED = EpollIoOps.EPOLLRDHUP;

  private static final GsoType[] GSO_TYPES = GsoType.values();

  private final Tap tap;
  private final List<Lane> lanes;
  private final CompletableFuture<TapBridge> gone = new CompletableFuture<>();
  private Optional<CompletableFuture<Void>> closed = Optional.empty();

  /// @param loops of the Netfront's queues: queue i is on loop i, modulo their number
  public TapBridge(Tap tap, List<NettyLoop> loops) {
    this.tap = tap;
    List<Lane> made = new ArrayList<>();
    for (int i = 0; i < tap.queues().size(); i++) {
      made.add(new Lane(i, tap.queues().get(i), loops.get(i % loops.size())));
    }
    this.lanes = List.copyOf(made);
  }

  /// Joins the tap's queues to those of a Netfront that is not yet started. The carrier is off
  /// until it is connected. Again with another Netfront, on the same loops, after the one before
  /// has ended: frames that wait are then the new one's.
  ///
  /// @throws IllegalArgumentException if there are not as many, or they are on other loops
  public void start(List<NetfrontQueue> queues) throws IOException {
    if (queues.size() != lanes.size()) {
      throw new IllegalArgumentException(
          tap.name() + " has " + lanes.size() + " queues, the device " + queues.size());
    }
    tap.setCarrier(false);
    for (Lane lane : lanes) {
      NetfrontQueue queue = queues.get(lane.index);
      if (!queue.loop().equals(lane.loop)) {
        throw new IllegalArgumentException("queue " + lane.index + " is not on the bridge's loop");
      }
      lane.loop.execute(() -> orGone(() -> lane.start(queue)));
    }
  }

  /// Runs what nobody else tells the end of the bridge.
  private void orGone(Runnable work) {
    try {
      work.run();
    } catch (Throwable e) {
      gone.completeExceptionally(e);
      throw e;
    }
  }

  /// Completes once when the interface has been deleted, with an exception if the bridge itself has
  /// failed. The bridge's maker then ends it.
  public CompletableFuture<TapBridge> gone() {
    return gone;
  }

  /// Stops and closes the tap; the Netfront may live on and is not listened to any more. Any
  /// thread.
  ///
  /// @return completes when the tap is closed
  public synchronized CompletableFuture<Void> shutDown() {
    if (closed.isEmpty()) {
      CompletableFuture<?>[] stopped =
          lanes.stream().map(Lane::stop).toArray(CompletableFuture<?>[]::new);
      closed = Optional.of(CompletableFuture.allOf(stopped).thenRun(tap::close));
    }
    return closed.get();
  }

  public Tap tap() {
    return tap;
  }

  /// A moment's reading: each queue's figures may be a moment old.
  public TapBridgeStatistics statistics() {
    return lanes.stream()
        .map(Lane::statistics)
        .reduce(TapBridgeStatistics.ZERO, TapBridgeStatistics::plus);
  }

  @Override
  public void connected(NetfrontFeatures features) {
    try {
      // The checksum bit of a tap means both families.
      boolean checksum = features.checksumIpv6();
      tap.setOffload(
          new TapOffload(
              checksum,
              checksum && features.gsoTcpv4(),
              checksum && features.gsoTcpv6(),
              checksum && (features.gsoTcpv4() || features.gsoTcpv6())));
      for (Lane lane : lanes) {
        lane.loop.execute(() -> orGone(() -> lane.setInUse(lane.index < features.queues())));
      }
      tap.setCarrier(true);
    } catch (IOException e) {
      LOG.warn("{} does not follow its device", tap.name(), e);
    }
  }

  @Override
  public void disconnected() {
    try {
      tap.setCarrier(false);
    } catch (IOException e) {
      LOG.debug("{} does not follow its device", tap.name(), e);
    }
  }

  @Override
  public void refused(String message) {
    failed("the device is refused: " + message);
  }

  @Override
  public void failed(String message) {
    LOG.warn("{}", message);
  }

  @Override
  public void received(
      NetfrontQueue queue,
      MemorySegment memory,
      long offset,
      int length,
      boolean checksumBlank,
      boolean dataValidated,
      int gsoType,
      int gsoSize) {
    try {
      Lane lane = lanes.get(queue.index());
      Frame frame = lane.view(memory).at(offset, length);
      frame.setChecksum(
          checksumBlank
              ? ChecksumState.BLANK
              : dataValidated ? ChecksumState.VALIDATED : ChecksumState.COMPLETE);
      if (gsoType != ExtraInfo.GSO_TYPE_NONE) {
        frame.setGso(GSO_TYPES[gsoType], gsoSize);
      }
      lane.write(frame);
    } catch (Throwable e) {
      // A domain may have been destroyed under its guest: the queue that hears this knows.
      if (memory.scope().isAlive()) {
        gone.completeExceptionally(e);
      }
      throw e;
    }
  }

  @Override
  public void roomAgain(NetfrontQueue queue) {
    orGone(lanes.get(queue.index())::resume);
  }

  /// One queue of the tap and of the device. Everything but the construction is confined to its
  /// loop.
  private final class Lane implements EpollIoHandle {
    private final int index;
    private final TapQueue tapQueue;
    private final NettyLoop loop;
    private final TapReader reader;
    private final CompletableFuture<Void> stopped = new CompletableFuture<>();
    private Optional<NetfrontQueue> netfront = Optional.empty();
    private Optional<IoRegistration> registration = Optional.empty();
    private FrameView view = new FrameView(MemorySegment.NULL);

    /// Frames of the reader's round that are in the ring or refused; the others wait for room.
    private int done;

    private boolean waiting;
    private boolean inUse = true;
    private boolean stopping;

    private long fromTap;
    private long fromTapGso;
    private long fromTapRefused;
    private long waits;
    private long toTap;
    private long toTapGso;
    private long toTapDown;
    private long toTapFull;
    private long toTapRefused;

    Lane(int index, TapQueue tapQueue, NettyLoop loop) {
      this.index = index;
      this.tapQueue = tapQueue;
      this.loop = loop;
      this.reader = new TapReader(tapQueue);
    }

    void start(NetfrontQueue queue) {
      boolean first = netfront.isEmpty();
      netfront = Optional.of(queue);
      // Reading begins with the connection.
      waiting = true;
      if (first) {
        register();
      } else {
        registration.ifPresent(r -> r.submit(PAUSED));
      }
    }

    private void register() {
      loop.ioEventLoop()
          .register(this)
          .addListener(
              made -> {
                if (made.isSuccess()) {
                  loop.execute(() -> orGone(() -> listen((IoRegistration) made.getNow())));
                } else {
                  gone.complete(TapBridge.this);
                }
              });
    }

    private void listen(IoRegistration made) {
      if (stopping || !inUse) {
        made.cancel();
        return;
      }
      registration = Optional.of(made);
      made.submit(waiting ? PAUSED : EpollIoOps.EPOLLIN);
    }

    private void unregister() {
      registration.ifPresent(IoRegistration::cancel);
      registration = Optional.empty();
    }

    CompletableFuture<Void> stop() {
      loop.execute(
          () -> {
            stopping = true;
            unregister();
            stopped.complete(null);
          });
      return stopped;
    }

    /// The kernel is to spread its flows over those queues only that the device has.
    void setInUse(boolean wanted) {
      if (stopping || wanted == inUse) {
        return;
      }
      inUse = wanted;
      try {
        if (wanted) {
          tap.setQueueInUse(index, true);
          register();
        } else {
          unregister();
          tap.setQueueInUse(index, false);
        }
      } catch (IOException e) {
        LOG.warn("{} does not follow its device", tap.name(), e);
      }
    }

    @Override
    public FileDescriptor fd() {
      return tapQueue.fd();
    }

    @Override
    public void handle(IoRegistration from, IoEvent event) {
      if (stopping || !inUse) {
        return;
      }
      orGone(() -> round(event));
    }

    private void round(IoEvent event) {
      boolean broken = (((EpollIoEvent) event).ops().value() & ERROR_OR_HANGUP) != 0;
      TapReader.Ending ending = TapReader.Ending.DRAINED;
      if (!waiting) {
        ending = reader.read();
        done = 0;
        fromTapRefused += reader.rejects().size();
        send();
      }
      if (ending == TapReader.Ending.GONE || broken && ending == TapReader.Ending.DRAINED) {
        unregister();
        gone.complete(TapBridge.this);
      }
    }

    void resume() {
      if (!waiting || stopping) {
        return;
      }
      waiting = false;
      send();
      if (!waiting) {
        registration.ifPresent(r -> r.submit(EpollIoOps.EPOLLIN));
      }
    }

    /// Sends the rest of the round; what finds no room waits, and the tap with it.
    private void send() {
      if (netfront.isEmpty()) {
        return;
      }
      NetfrontQueue queue = netfront.get();
      FrameBatch frames = reader.frames();
      for (; done < frames.size(); done++) {
        Frame frame = frames.get(done);
        SendResult result =
            queue.send(
                frame.memory(),
                frame.offset(),
                frame.length(),
                frame.checksum() == ChecksumState.BLANK,
                frame.checksum() == ChecksumState.VALIDATED,
                frame.gso().ordinal(),
                frame.gsoSize());
        switch (result) {
          case SENT -> {
            fromTap++;
            if (frame.gso() != GsoType.NONE) {
              fromTapGso++;
            }
          }
          case REFUSED -> fromTapRefused++;
          case FULL, DISCONNECTED -> {
            waits++;
            waiting = true;
            registration.ifPresent(r -> r.submit(PAUSED));
            return;
          }
        }
      }
      queue.flush();
    }

    FrameView view(MemorySegment memory) {
      // Another connection's memory may be at the address of the last one's.
      if (!view.memory().equals(memory) || !view.memory().scope().isAlive()) {
        view = new FrameView(memory);
      }
      return view;
    }

    void write(Frame frame) {
      if (stopping) {
        return;
      }
      if (VirtioNetHeader.write(frame) != VirtioNetHeader.Outcome.OK) {
        toTapRefused++;
        return;
      }
      int result = tapQueue.write(frame);
      if (result > 0) {
        toTap++;
        if (frame.gso() != GsoType.NONE) {
          toTapGso++;
        }
      } else if (result == 0) {
        toTapFull++;
      } else if (TapQueue.isDown(result)) {
        toTapDown++;
      } else {
        toTapRefused++;
        if (TapQueue.isGone(result) && inUse) {
          gone.complete(TapBridge.this);
        }
      }
    }

    TapBridgeStatistics statistics() {
      return new TapBridgeStatistics(
          fromTap,
          fromTapGso,
          fromTapRefused,
          waits,
          toTap,
          toTapGso,
          toTapDown,
          toTapFull,
          toTapRefused);
    }

    @Override
    public String toString() {
      return "tap " + tap.name();
    }

    @Override
    public void close() {
      // The descriptor is the tap's, and closed with it.
    }
  }
}
