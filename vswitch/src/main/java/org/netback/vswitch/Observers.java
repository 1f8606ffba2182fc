package org.netback.vswitch;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/// Who observes which of a switch's ports. Has each attached port's [PortTraffic] know at every
/// change. Any thread; its monitor is held for a moment, and nothing is called under it.
final class Observers {
  private final FaultLog faults;
  private final List<Observation> observations = new ArrayList<>();
  private final Set<SwitchPort> ports = new LinkedHashSet<>();

  Observers(FaultLog faults) {
    this.faults = faults;
  }

  Observation add(Observer observer, Predicate<SwitchPort> scope) {
    Observation added = new Observation(this, scope, observer);
    synchronized (this) {
      observations.add(added);
      ports.forEach(this::update);
    }
    return added;
  }

  synchronized void remove(Observation ended) {
    observations.remove(ended);
    ports.forEach(this::update);
  }

  synchronized void attached(SwitchPort port) {
    ports.add(port);
    update(port);
  }

  /// What the port still drops is shown to those who observed it to the end.
  synchronized void detached(SwitchPort port) {
    ports.remove(port);
  }

  private void update(SwitchPort port) {
    port.traffic()
        .observedBy(
            observations.stream()
                .filter(observation -> observation.covers(port))
                .map(observation -> new PortObservation(observation, port))
                .toArray(PortObservation[]::new));
  }

  void fault(Observation of, Throwable thrown) {
    faults.fault("observer " + of.name(), thrown);
  }
}
