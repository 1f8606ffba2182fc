package org.netback.vswitch;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;

/// A [Port] in its place in a [Network]. Any thread.
public final class SwitchPort implements AutoCloseable {
  private final Network network;
  private final Port port;
  private final PortTraffic traffic;
  private final String name;
  private final int index;
  private final Forwarding.Unicast unicast = new Forwarding.Unicast(this);
  private volatile boolean attached = true;

  // The table's: written under its lock.
  private final MacEntry learned = MacEntry.listEnd();
  private final MacEntry entered = MacEntry.listEnd();
  private final AtomicInteger learnedAddresses = new AtomicInteger();
  private final AtomicInteger enteredAddresses = new AtomicInteger();

  // The group table's: written under its lock.
  private final Membership joined = Membership.listEnd();
  private final AtomicInteger memberships = new AtomicInteger();

  private final MulticastFilter multicastFilter = new MulticastFilter();
  private final RouterSighting routerIpv4 = new RouterSighting();
  private final RouterSighting routerIpv6 = new RouterSighting();

  /// Whether the hosts behind the port were asked which groups they are in, until when they have
  /// time to answer, and whether that time is over. Each is written before the next.
  private volatile long settlesAt;

  private volatile boolean asked;
  private volatile boolean settled;

  private final LongAdder learnRefusals = new LongAdder();
  private final LongAdder moves = new LongAdder();
  private final LongAdder transmitFaults = new LongAdder();

  /// @param index unique among the ports that are attached to the network, and small
  SwitchPort(Network network, Port port, int index) {
    this.network = network;
    this.port = port;
    this.traffic = port.traffic();
    this.name = port.name();
    this.index = index;
  }

  public String name() {
    return name;
  }

  public Network network() {
    return network;
  }

  /// The way into the switch for a port that has one queue.
  public Ingress openIngress() {
    return openIngress(0);
  }

  /// The way into the switch for one sending queue. Each queue opens its own, and closes it when it
  /// ends.
  ///
  /// @param queue its number
  public Ingress openIngress(int queue) {
    return new Ingress(this, network, queue);
  }

  /// The groups that the port's peer asks for by itself.
  public MulticastFilter multicastFilter() {
    return multicastFilter;
  }

  public boolean isAttached() {
    return attached;
  }

  /// Forgets what was learned at this port, for instance after its peer has changed. Static entries
  /// and the peer's own list of groups stay.
  public void flush() {
    network.macTable().flush(this);
    network.snooping().flush(this);
    settled = false;
    asked = false;
  }

  public PortStatistics statistics() {
    PortCounters counters = traffic.counters();
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

  PortTraffic traffic() {
    return traffic;
  }

  Forwarding.Unicast unicast() {
    return unicast;
  }

  OffloadSet accepts() {
    try {
      return port.accepts();
    } catch (Throwable e) {
      fault(e);
      return OffloadSet.NONE;
    }
  }

  boolean takesPartialFrames() {
    return port.takesPartialFrames();
  }

  /// Hands frames over. What a port throws is its bug or the operating system's refusal, and must
  /// not keep the sender's other frames from their receivers.
  void transmit(FrameBatch frames) {
    try {
      port.transmit(frames);
    } catch (Throwable e) {
      traffic.drop(DropReason.DELIVERY_FAILED, Observer.NO_QUEUE, frames, 0);
      fault(e);
    }
  }

  private void fault(Throwable fault) {
    transmitFaults.increment();
    tellFault(fault);
  }

  /// Tells of a fault that the port has met itself, where the switch tells of its own.
  public void tellFault(Throwable fault) {
    network.faults().fault("port " + name, fault);
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

  Membership joined() {
    return joined;
  }

  /// How many groups the port is in.
  int memberships() {
    return memberships.get();
  }

  void addMemberships(int change) {
    memberships.addAndGet(change);
  }

  /// Whether a multicast router is behind the port.
  boolean isRouter(boolean ipv6) {
    return (ipv6 ? routerIpv6 : routerIpv4).valid;
  }

  void routerUntil(boolean ipv6, long time) {
    RouterSighting router = ipv6 ? routerIpv6 : routerIpv4;
    router.until = time;
    router.valid = true;
  }

  /// Nanoseconds for which a router is still believed to be there.
  long routerLeft(boolean ipv6, long now) {
    return (ipv6 ? routerIpv6 : routerIpv4).until - now;
  }

  void expireRouter(long now) {
    routerIpv4.expire(now);
    routerIpv6.expire(now);
  }

  /// Whether nobody has asked yet which groups the hosts behind the port are in.
  boolean isToBeAsked() {
    return !asked;
  }

  void asked(long answeredBy) {
    if (!asked) {
      settlesAt = answeredBy;
      asked = true;
    }
  }

  void settle(long now) {
    if (asked && !settled && now - settlesAt >= 0) {
      settled = true;
    }
  }

  /// Whether what is known of the port's groups is all that there is to know.
  boolean isSettled() {
    return settled;
  }

  private static final class RouterSighting {
    /// Written before the other.
    volatile long until;

    volatile boolean valid;

    void expire(long now) {
      if (valid && now - until >= 0) {
        valid = false;
      }
    }
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
