package org.netback.xen.frontends;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.Consumer;
import org.netback.loop.EventLoop;
import org.netback.xen.ring.RingViolation;

/// One queue of a [Netfront]: a tx and an rx ring. It outlives connections; between them it refuses
/// frames.
///
/// Confined to its loop, on which the [FrameSink] is called too.
public final class NetfrontQueue {
  /// Packets received in one go before other work of the loop gets its turn.
  private static final int BUDGET = 64;

  private final int index;
  private final EventLoop loop;
  private final FrameSink sink;
  private final NetfrontCounters counters = new NetfrontCounters();
  private Optional<Rings> rings = Optional.empty();

  NetfrontQueue(int index, EventLoop loop, FrameSink sink) {
    this.index = index;
    this.loop = loop;
    this.sink = sink;
  }

  /// @param onBroken hears, on the queue's loop, why the backend is not believed any more
  record Rings(NetfrontTx tx, NetfrontRx rx, Consumer<String> onBroken) {}

  /// 0 to one less than the queues in use.
  public int index() {
    return index;
  }

  public EventLoop loop() {
    return loop;
  }

  public NetfrontCounters counters() {
    return counters;
  }

  public boolean isConnected() {
    return rings.isPresent();
  }

  /// Puts a frame into the tx ring; the data is copied before this returns. The backend sees it
  /// after [#flush].
  ///
  /// @param checksumBlank the TCP or UDP checksum holds the pseudo-header's sum only
  /// @param dataValidated the checksum is known to be right
  /// @param gsoType `XEN_NETIF_GSO_TYPE_*`, 0 for none
  /// @param gsoSize payload octets of a segment
  public SendResult send(
      MemorySegment memory,
      long offset,
      int length,
      boolean checksumBlank,
      boolean dataValidated,
      int gsoType,
      int gsoSize) {
    if (rings.isEmpty()) {
      return SendResult.DISCONNECTED;
    }
    Rings now = rings.get();
    try {
      return now.tx.send(memory, offset, length, checksumBlank, dataValidated, gsoType, gsoSize);
    } catch (RingViolation e) {
      broken(now, e);
      return SendResult.DISCONNECTED;
    } catch (IllegalStateException e) {
      gone(now, e);
      return SendResult.DISCONNECTED;
    }
  }

  /// Puts a request into the tx ring that has an address listed, or taken off the list, of those
  /// that the guest wants ([Netfront#requestMulticastControl]). The backend sees it after [#flush];
  /// one that it refuses counts as [NetfrontCounters#txErrors]. The list belongs to the connection.
  ///
  /// @param address 48 bits, the first octet on the wire the most significant
  public SendResult changeMulticast(long address, boolean listed) {
    if (rings.isEmpty()) {
      return SendResult.DISCONNECTED;
    }
    Rings now = rings.get();
    try {
      return now.tx.changeMulticast(address, listed);
    } catch (RingViolation e) {
      broken(now, e);
      return SendResult.DISCONNECTED;
    } catch (IllegalStateException e) {
      gone(now, e);
      return SendResult.DISCONNECTED;
    }
  }

  /// Shows the frames sent so far to the backend, with one notification at most.
  public void flush() {
    if (rings.isPresent()) {
      Rings now = rings.get();
      try {
        now.tx.flush();
      } catch (IllegalStateException e) {
        gone(now, e);
      }
    }
  }

  void start(Rings connected) {
    connected.rx.open();
    rings = Optional.of(connected);
    try {
      connected.rx.post();
    } catch (IllegalStateException e) {
      gone(connected, e);
      return;
    }
    // The backend may have put something before this end listened, and no event will tell; and
    // Linux kicks both channels here, so that a backend that came first looks at the rings.
    connected.tx.channel().notifyPeer();
    if (!connected.rx.channel().equals(connected.tx.channel())) {
      connected.rx.channel().notifyPeer();
    }
    onRxEvent();
    sink.roomAgain(this);
  }

  void stop() {
    rings.ifPresent(
        old -> {
          old.tx.channel().close();
          old.rx.channel().close();
          // Later, as this may be a sink's doing that has a received frame in its hands.
          loop.execute(old.rx::close);
        });
    rings = Optional.empty();
  }

  boolean onEvent() {
    boolean answered = onTxEvent();
    boolean received = onRxEvent();
    return answered || received;
  }

  boolean onTxEvent() {
    if (rings.isEmpty()) {
      return false;
    }
    Rings now = rings.get();
    try {
      boolean worked = now.tx.onEvent();
      if (now.tx.resumes()) {
        sink.roomAgain(this);
      }
      return worked;
    } catch (RingViolation e) {
      broken(now, e);
      return true;
    } catch (IllegalStateException e) {
      gone(now, e);
      return true;
    }
  }

  boolean onRxEvent() {
    if (rings.isEmpty()) {
      return false;
    }
    Rings now = rings.get();
    try {
      int taken = now.rx.poll(BUDGET, this, sink);
      if (taken > 0) {
        sink.roundEnded(this);
      }
      if (taken == BUDGET) {
        loop.execute(this::onRxEvent);
      }
      return taken > 0;
    } catch (RingViolation e) {
      broken(now, e);
      return true;
    } catch (IllegalStateException e) {
      gone(now, e);
      return true;
    }
  }

  private void broken(Rings which, RingViolation violation) {
    stop();
    which.onBroken.accept(
        "the backend broke the protocol, queue " + index + ": " + violation.getMessage());
  }

  /// The domain may have been destroyed under its guest; anything else is a mistake of ours or the
  /// sink's.
  private void gone(Rings which, IllegalStateException e) {
    if (which.rx.isMemoryAlive()) {
      throw e;
    }
    stop();
    which.onBroken.accept("the domain's memory is gone, queue " + index);
  }
}
