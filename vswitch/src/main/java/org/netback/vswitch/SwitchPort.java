package org.netback.vswitch;

import java.util.concurrent.atomic.LongAdder;
import java.util.function.UnaryOperator;
import org.netback.packet.FrameBatch;
import org.netback.packet.OffloadSet;

/// A [Port] in its place in a [Network]. Any thread.
public final class SwitchPort implements AutoCloseable {
  private final Network network;
  private volatile Port port;
  private final PortTraffic traffic;
  private final String name;
  private final int index;
  private final Forwarding.Unicast unicast = new Forwarding.Unicast(this);
  private volatile boolean attached = true;

  // What others keep of the port.
  private final PortAddresses addresses = new PortAddresses();
  private final PortGroups groups = new PortGroups();
  private final PortQueries queries = new PortQueries();
  private final MulticastFilter multicastFilter = new MulticastFilter();

  private final LongAdder transmitFaults = new LongAdder();
  private volatile PortPolicy policy;

  /// @param index unique among the ports that are attached to the network, and small
  SwitchPort(Network network, Port port, PortPolicy policy, int index) {
    this.network = network;
    this.port = port;
    this.traffic = port.traffic();
    this.name = port.name();
    this.policy = policy;
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

  /// What the port may do now.
  public PortPolicy policy() {
    return policy;
  }

  /// Exchanges what the port may do. It holds for what comes from then on: what the port has
  /// learned or joined beyond a lower bound stays until it ages.
  public void apply(PortPolicy other) {
    policy = other;
  }

  /// Puts something between the switch and the port: from the next batch on, frames go to what is
  /// made of the port that is there now. Whatever it does to some frames, it hands the others on in
  /// their order, and tells [#traffic()] of those that it drops. Other receivers may be handed the
  /// same frames, so what it changes it copies first. It says of offloads and partial frames what
  /// the port says, or less.
  ///
  /// @param by makes another port of a port, of the same name and with the same [Port#traffic()]
  public synchronized void wrap(UnaryOperator<Port> by) {
    Port wrapping = by.apply(port);
    if (wrapping.traffic() != traffic || !wrapping.name().equals(name)) {
      throw new IllegalArgumentException(wrapping.name() + " is not " + name + " wrapped");
    }
    port = wrapping;
  }

  /// Forgets what was learned at this port, for instance after its peer has changed. Static entries
  /// and the peer's own list of groups stay.
  public void flush() {
    network.macTable().flush(this);
    network.snooping().flush(this);
    queries.reset();
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
        addresses.count(),
        addresses.refusals(),
        addresses.moves(),
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

  /// What frames go to now: asked once for a batch, so that it is handed over as it was made ready.
  Port port() {
    return port;
  }

  /// @param to the [#port()]
  OffloadSet accepts(Port to) {
    try {
      return to.accepts();
    } catch (Throwable e) {
      fault(e);
      return OffloadSet.NONE;
    }
  }

  /// Hands frames over. What a port throws is its bug or the operating system's refusal, and must
  /// not keep the sender's other frames from their receivers.
  ///
  /// @param to the [#port()]
  void transmit(Port to, FrameBatch frames) {
    try {
      to.transmit(frames);
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

  /// The [MacTable]'s.
  PortAddresses addresses() {
    return addresses;
  }

  /// The [MulticastTable]'s.
  PortGroups groups() {
    return groups;
  }

  /// The [Querier]'s.
  PortQueries queries() {
    return queries;
  }

  @Override
  public String toString() {
    return name;
  }
}
