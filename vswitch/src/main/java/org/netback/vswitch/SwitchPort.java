package org.netback.vswitch;

/// A [Port] in its place in a [Network]. Any thread.
public final class SwitchPort implements AutoCloseable {
  private final Network network;
  private final Port port;
  private final int index;
  private volatile boolean attached = true;

  SwitchPort(Network network, Port port, int index) {
    this.network = network;
    this.port = port;
    this.index = index;
  }

  public String name() {
    return port.name();
  }

  public Network network() {
    return network;
  }

  /// The way into the switch for one sending queue. Each queue opens its own, and closes it when it
  /// ends.
  public Ingress openIngress() {
    return new Ingress(this);
  }

  public boolean isAttached() {
    return attached;
  }

  /// Forgets what was learned at this port, for instance after its peer has changed. Static entries
  /// stay.
  public void flush() {}

  public PortStatistics statistics() {
    PortCounters counters = port.counters();
    return new PortStatistics(
        name(),
        network.name(),
        counters.ingressFrames(),
        counters.ingressOctets(),
        counters.egressFrames(),
        counters.egressOctets(),
        counters.drops(),
        0,
        0,
        0,
        0);
  }

  /// Takes the port out of its network: its addresses are forgotten at once and it is sent nothing
  /// by a round that begins later. Rounds that are under way on other loops may call
  /// [Port#transmit] for a moment longer, so the port outlives this call in a state in which it
  /// drops what it gets. Frames that its own queues still hand to [Ingress#forward] are dropped and
  /// counted as [DropReason#PORT_DOWN]. Does nothing the second time.
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

  @Override
  public String toString() {
    return port.name();
  }
}
