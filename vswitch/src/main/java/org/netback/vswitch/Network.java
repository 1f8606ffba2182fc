package org.netback.vswitch;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.netback.packet.MacAddress;

/// A broadcast domain of its own, with its own ports and its own addresses: what one tenant's
/// guests see of the world. Any thread.
public final class Network {
  private static final SwitchPort[] NO_PORTS = {};

  private final String name;
  private final LongSupplier nanoClock;
  private final MacLimits limits;
  private final MulticastPolicy multicast;
  private final FaultLog faults;
  private final Observers observers;
  private final MacTable macTable;
  private final Snooping snooping;
  private final LongAdder unicastFrames = new LongAdder();
  private final LongAdder floodedFrames = new LongAdder();
  private final LongAdder multicastFrames = new LongAdder();
  private final LongAdder discardedFrames = new LongAdder();
  private final LongAdder refusals = new LongAdder();

  /// Replaced as a whole under the lock, read by every round without it.
  private volatile SwitchPort[] ports = NO_PORTS;

  Network(
      String name,
      MacLimits limits,
      MulticastPolicy multicast,
      LongSupplier nanoClock,
      FaultLog faults,
      Observers observers) {
    this.name = name;
    this.nanoClock = nanoClock;
    this.limits = limits;
    this.multicast = multicast;
    this.faults = faults;
    this.observers = observers;
    this.snooping = new Snooping(this, multicast, nanoClock.getAsLong());
    this.macTable = new MacTable(this, limits, nanoClock);
  }

  public String name() {
    return name;
  }

  /// What a port of a name may do if nothing else is said, by the network's limits.
  public PortPolicy usualPolicy(String port) {
    return new PortPolicy(
        limits.addressesPerPort(), multicast.membershipsPerPort(), multicast.router(port));
  }

  /// Joins a port to the network, with the usual policy.
  ///
  /// @throws IllegalStateException if a port of this name is attached
  public SwitchPort attach(Port port) {
    return attach(port, usualPolicy(port.name()));
  }

  /// Joins a port to the network; it gets frames from the next round on.
  ///
  /// @throws IllegalStateException if a port of this name is attached
  public synchronized SwitchPort attach(Port port, PortPolicy policy) {
    SwitchPort[] old = ports;
    BitSet indices = new BitSet(old.length + 1);
    for (SwitchPort other : old) {
      if (other.name().equals(port.name())) {
        throw new IllegalStateException(
            "port " + port.name() + " is attached to network " + name + " already");
      }
      indices.set(other.index());
    }
    SwitchPort attached = new SwitchPort(this, port, policy, indices.nextClearBit(0));
    SwitchPort[] grown = Arrays.copyOf(old, old.length + 1);
    grown[old.length] = attached;
    observers.attached(attached);
    ports = grown;
    return attached;
  }

  /// First the addresses, then the port: the table relies on every learned address being that of a
  /// port in the list.
  synchronized void detach(SwitchPort port) {
    macTable.detach(port);
    snooping.flush(port);
    ports = Arrays.stream(ports).filter(other -> other != port).toArray(SwitchPort[]::new);
    observers.detached(port);
  }

  /// Has an observer see what passes the network's ports, those included that are attached later.
  public Observation observe(Observer observer) {
    return observers.add(observer, port -> port.network() == this);
  }

  /// The attached ports, ordered by name.
  public List<SwitchPort> ports() {
    return Arrays.stream(ports)
        .sorted(Comparator.comparing(SwitchPort::name, PortName.ORDER))
        .toList();
  }

  /// The stations known now, ordered by address.
  public List<FdbRow> addresses() {
    return macTable.rows(now());
  }

  /// Which groups go to which ports.
  public List<MulticastRow> groups() {
    return snooping.rows(now());
  }

  /// Who asks hosts for their groups, for IPv4 and for IPv6: an address, `self` or `none`.
  public List<String> queriers() {
    return snooping.queriers();
  }

  public MulticastStatistics multicastStatistics() {
    return snooping.statistics();
  }

  /// Enters a station by hand: traffic neither moves nor ages it. Replaces what was known of the
  /// address. It goes with its port.
  ///
  /// @throws IllegalArgumentException for a group address, zero, or a port of another network
  /// @throws IllegalStateException if the port is detached
  public void addStatic(MacAddress address, SwitchPort port) {
    if (MacAddress.isGroup(address.value()) || address.value() == 0) {
      throw new IllegalArgumentException(address + " is no address of a station");
    }
    if (port.network() != this) {
      throw new IllegalArgumentException(
          "port " + port.name() + " is in network " + port.network().name() + ", not " + name);
    }
    macTable.putStatic(address, port, now());
  }

  /// Forgets one address, static ones too; false if it was not known.
  public boolean forget(MacAddress address) {
    return macTable.forget(address);
  }

  public NetworkStatistics statistics() {
    return macTable.statistics(
        name,
        ports.length,
        unicastFrames.sum(),
        floodedFrames.sum(),
        multicastFrames.sum(),
        discardedFrames.sum(),
        refusals.sum());
  }

  /// A fault of one table keeps neither the other nor another network from it.
  void age() {
    long now = now();
    guard(() -> macTable.age(now));
    guard(() -> snooping.keepHouse(now));
  }

  private void guard(Runnable work) {
    try {
      work.run();
    } catch (Throwable e) {
      fault(e);
    }
  }

  void fault(Throwable fault) {
    faults.fault("network " + name, fault);
  }

  FaultLog faults() {
    return faults;
  }

  SwitchPort[] snapshot() {
    return ports;
  }

  MacTable macTable() {
    return macTable;
  }

  Snooping snooping() {
    return snooping;
  }

  long now() {
    return nanoClock.getAsLong();
  }

  void countRound(int unicast, int flooded, int multicast, int discarded) {
    if (unicast > 0) {
      unicastFrames.add(unicast);
    }
    if (flooded > 0) {
      floodedFrames.add(flooded);
    }
    if (multicast > 0) {
      multicastFrames.add(multicast);
    }
    if (discarded > 0) {
      discardedFrames.add(discarded);
    }
  }

  void countRefusal() {
    refusals.increment();
  }

  @Override
  public String toString() {
    return name;
  }
}
