package org.netback.vswitch;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;

/// A [Port] in its place in a [Network]. Any thread.
public final class SwitchPort implements AutoCloseable {
  private static final Logger LOG = System.getLogger(SwitchPort.class.getName());
  private static final long LOG_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Network network;
  private final Port port;
  private final String name;
  private final int index;
  private final Forwarding.Unicast unicast = new Forwarding.Unicast(this);
  private volatile boolean attached = true;

  // The table's: written under its lock.
  private final MacEntry learned = MacEntry.listEnd();
  private final MacEntry entered = MacEntry.listEnd();
  private final AtomicInteger learnedAddresses = new AtomicInteger();
  private final AtomicInteger enteredAddresses = new AtomicInteger();

  private final LongAdder learnRefusals = new LongAdder();
  private final LongAdder moves = new LongAdder();
  private final LongAdder transmitFaults = new LongAdder();
  private final AtomicLong loggedAt;

  /// @param index unique among the ports that are attached to the network, and small
  SwitchPort(Network network, Port port, int index, long now) {
    this.network = network;
    this.port = port;
    this.name = port.name();
    this.index = index;
    this.loggedAt = new AtomicLong(now - LOG_INTERVAL_NANOS);
  }

  public String name() {
    return name;
  }

  public Network network() {
    return network;
  }

  /// The way into the switch for one sending queue. Each queue opens its own, and closes it when it
  /// ends.
  public Ingress openIngress() {
    return new Ingress(this, network);
  }

  public boolean isAttached() {
    return attached;
  }

  /// Forgets what was learned at this port, for instance after its peer has changed. Static entries
  /// stay.
  public void flush() {
    network.macTable().flush(this);
  }

  public PortStatistics statistics() {
    PortCounters counters = port.counters();
    return new PortStatistics(
        name,
        network.name(),
        counters.ingressFrames(),
        counters.ingressOctets(),
        counters.egressFrames(),
        counters.egressOctets(),
        counters.drops(),
        learnedAddresses.get() + enteredAddresses.get(),
        learnRefusals.sum(),
        moves.sum(),
        transmitFaults.sum());
  }

  /// Takes the port out of its network: its addresses, static ones too, are forgotten at once and
  /// it is sent nothing by a round that begins later. Rounds that are under way on other loops may
  /// call [Port#transmit] for a moment longer, so the port outlives this call in a state in which
  /// it drops what it gets. Frames that its own queues still hand to [Ingress#forward] are dropped
  /// and counted as [DropReason#PORT_DOWN]. Does nothing the second time.
  @Override
  public void close() {
    attached = false;
    network.detach(this);
  }

  int index() {
    return index;
  }

  Port port() {
    return port;
  }

  Forwarding.Unicast unicast() {
    return unicast;
  }

  OffloadSet accepts() {
    try {
      return port.accepts();
    } catch (RuntimeException | LinkageError | AssertionError e) {
      logFault(e);
      return OffloadSet.NONE;
    }
  }

  /// Hands frames over. What a port throws is its bug or the operating system's refusal, and must
  /// not keep the sender's other frames from their receivers.
  void transmit(FrameBatch frames) {
    try {
      port.transmit(frames);
    } catch (RuntimeException | LinkageError | AssertionError e) {
      port.counters().drop(DropReason.DELIVERY_FAILED, frames.size());
      logFault(e);
    }
  }

  private void logFault(Throwable fault) {
    transmitFaults.increment();
    long now = network.now();
    long last = loggedAt.get();
    if (now - last >= LOG_INTERVAL_NANOS && loggedAt.compareAndSet(last, now)) {
      LOG.log(
          Level.ERROR,
          "port " + name + ": transmit failed, " + transmitFaults.sum() + " times so far",
          fault);
    }
  }

  MacEntry learned() {
    return learned;
  }

  MacEntry entered() {
    return entered;
  }

  int learnedAddresses() {
    return learnedAddresses.get();
  }

  void addLearned(int change) {
    learnedAddresses.addAndGet(change);
  }

  void addEntered(int change) {
    enteredAddresses.addAndGet(change);
  }

  void refuseSighting() {
    learnRefusals.increment();
    network.countRefusal();
  }

  void countMove() {
    moves.increment();
  }

  @Override
  public String toString() {
    return name;
  }
}
