package org.netback.vswitch;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.netback.packet.MacAddress;

/// A broadcast domain of its own, with its own ports and its own [MacTable]: what one tenant's
/// guests see of the world. Any thread.
public final class Network {
  private static final SwitchPort[] NO_PORTS = {};

  final LongAdder unicastFrames = new LongAdder();
  final LongAdder floodedFrames = new LongAdder();
  final LongAdder discardedFrames = new LongAdder();

  private final String name;
  private final LongSupplier nanoClock;

  /// Replaced as a whole under the lock, read by every round without it.
  private volatile SwitchPort[] ports = NO_PORTS;

  Network(String name, MacLimits limits, LongSupplier nanoClock) {
    this.name = name;
    this.nanoClock = nanoClock;
  }

  public String name() {
    return name;
  }

  /// Joins a port to the network; it gets frames from the next round on.
  ///
  /// @throws IllegalStateException if a port of this name is attached
  public synchronized SwitchPort attach(Port port) {
    SwitchPort[] old = ports;
    int index = 0;
    for (SwitchPort other : old) {
      if (other.name().equals(port.name())) {
        throw new IllegalStateException(
            "port " + port.name() + " is attached to network " + name + " already");
      }
      index = Math.max(index, other.index() + 1);
    }
    SwitchPort attached = new SwitchPort(this, port, index);
    SwitchPort[] grown = Arrays.copyOf(old, old.length + 1);
    grown[old.length] = attached;
    ports = grown;
    return attached;
  }

  synchronized void detach(SwitchPort port) {
    ports = Arrays.stream(ports).filter(other -> other != port).toArray(SwitchPort[]::new);
  }

  /// The attached ports.
  public List<SwitchPort> ports() {
    return List.of(ports);
  }

  /// The stations known now, ordered by address.
  public List<FdbRow> addresses() {
    return List.of();
  }

  /// Enters a station by hand: traffic neither moves nor ages it. Replaces what was known of the
  /// address. It goes with its port.
  ///
  /// @throws IllegalArgumentException for a group address
  /// @throws IllegalStateException if the port is not attached to this network
  public void addStatic(MacAddress address, SwitchPort port) {}

  /// Forgets one address, static ones too; false if it was not known.
  public boolean forget(MacAddress address) {
    return false;
  }

  public NetworkStatistics statistics() {
    return new NetworkStatistics(name, ports.length, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  }

  void age() {}

  SwitchPort[] snapshot() {
    return ports;
  }

  long now() {
    return nanoClock.getAsLong();
  }

  @Override
  public String toString() {
    return name;
  }
}
