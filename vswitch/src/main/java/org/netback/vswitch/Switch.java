package org.netback.vswitch;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;

/// A learning switch, cut into [Network]s that know nothing of each other. Starts nothing and owns
/// no thread: frames are carried by the loops of the ports that they come from. Any thread.
public final class Switch {
  private static final Logger LOG = System.getLogger(Switch.class.getName());

  private final MacLimits limits;
  private final MulticastPolicy multicast;
  private final LongSupplier nanoClock;
  private final FaultLog faults;
  private final Observers observers;
  private final Map<String, Network> networks = new ConcurrentSkipListMap<>();
  private final Map<String, PortName> names = new ConcurrentHashMap<>();
  private final List<Runnable> freed = new CopyOnWriteArrayList<>();

  /// @param limits of the networks that are created on first use
  /// @param multicast of these networks
  /// @param nanoClock as `System::nanoTime`: monotonic, any origin
  /// @param faults is told of what a port or a table throws
  public Switch(
      MacLimits limits, MulticastPolicy multicast, LongSupplier nanoClock, FaultLog faults) {
    this.limits = limits;
    this.multicast = multicast;
    this.nanoClock = nanoClock;
    this.faults = faults;
    this.observers = new Observers(faults);
  }

  /// Tells the system's log of every fault.
  public Switch(MacLimits limits, MulticastPolicy multicast, LongSupplier nanoClock) {
    this(
        limits,
        multicast,
        nanoClock,
        (owner, fault) -> LOG.log(Level.ERROR, owner + ": internal error", fault));
  }

  public Switch(MacLimits limits, LongSupplier nanoClock) {
    this(limits, MulticastPolicy.DEFAULT, nanoClock);
  }

  /// The network of this name, created if this is its first use.
  public Network network(String name) {
    return networks.computeIfAbsent(
        name, n -> new Network(n, limits, multicast, nanoClock, faults, observers));
  }

  /// Creates a network with limits of its own, before its first use.
  ///
  /// @throws IllegalStateException if the network exists
  public Network create(String name, MacLimits ownLimits) {
    return create(name, ownLimits, multicast);
  }

  /// The same, with a policy for multicast of its own.
  public Network create(String name, MacLimits ownLimits, MulticastPolicy ownMulticast) {
    Network network = new Network(name, ownLimits, ownMulticast, nanoClock, faults, observers);
    if (networks.putIfAbsent(name, network) != null) {
      throw new IllegalStateException("network " + name + " exists");
    }
    return network;
  }

  /// Keeps a name for a port. The ports of all networks share one name space, since people and the
  /// control API know a port by its name alone. Whoever brings ports that others name, such as a
  /// toolstack, takes their names when it hears of them, and attaches them when they are ready.
  ///
  /// @param holder what the name is for, for people: "a tap"
  /// @throws PortNameTakenException says by what
  public PortName reserve(String name, String holder) throws PortNameTakenException {
    PortName reserved = new PortName(this, name, holder);
    PortName taken = names.putIfAbsent(name, reserved);
    if (taken != null) {
      throw new PortNameTakenException(taken);
    }
    return reserved;
  }

  void free(PortName name) {
    if (names.remove(name.name(), name)) {
      freed.forEach(Runnable::run);
    }
  }

  /// Has a name that is free again told to those who may wait for it.
  ///
  /// @param listener is called on any thread and returns at once
  public void onNameFreed(Runnable listener) {
    freed.add(listener);
  }

  public Optional<Network> find(String name) {
    return Optional.ofNullable(networks.get(name));
  }

  /// Ordered by name.
  public List<Network> networks() {
    return List.copyOf(networks.values());
  }

  /// The attached ports of all networks, ordered by network and name.
  public List<SwitchPort> ports() {
    return networks.values().stream().flatMap(network -> network.ports().stream()).toList();
  }

  /// Has an observer see what passes all ports, those included that are attached later.
  public Observation observe(Observer observer) {
    return observers.add(observer, _ -> true);
  }

  /// Has an observer see what passes the port of a name, whenever one is attached.
  public Observation observePort(String name, Observer observer) {
    return observers.add(observer, port -> port.name().equals(name));
  }

  /// Asks hosts for the groups that they are in, ends memberships that were not repeated, and gives
  /// back the memory of addresses that have aged; to be called every second, by one thread at a
  /// time. Where frames to stations go does not depend on it: an address that is too old is unknown
  /// from that moment on.
  public void age() {
    networks.values().forEach(Network::age);
  }
}
