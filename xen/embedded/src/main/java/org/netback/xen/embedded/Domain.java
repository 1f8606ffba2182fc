package org.netback.xen.embedded;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.netback.xen.embedded.event.ChannelEnd;
import org.netback.xen.embedded.memory.ActiveGrants;
import org.netback.xen.embedded.memory.DomainMemory;
import org.netback.xen.embedded.memory.DomainSize;

/// A live domain in the hypervisor's books; guarded by the hypervisor.
final class Domain {
  /// Bounds what a guest can make the ground keep, two descriptors per port among it.
  static final int MAX_PORTS = 512;

  final int domid;
  final String name;
  final DomainSize size;

  /// Absent for the backend's own domain: it grants nothing here.
  final Optional<DomainMemory> memory;

  final ActiveGrants grants;

  /// Whether its console was opened.
  final AtomicBoolean consoleOpened = new AtomicBoolean();

  final Map<Integer, Port> ports = new HashMap<>();
  private int lastPort;

  Domain(int domid, String name, DomainSize size, DomainMemory memory) {
    this.domid = domid;
    this.name = name;
    this.size = size;
    this.memory = Optional.of(memory);
    this.grants = new ActiveGrants(domid, memory);
  }

  Domain(int domid, String name) {
    this.domid = domid;
    this.name = name;
    this.size = new DomainSize(1, 1);
    this.memory = Optional.empty();
    this.grants = new ActiveGrants(domid, DomainMemory.NONE);
  }

  /// A port number that is not in use, the one after the last where possible: a number that comes
  /// back late is not mistaken for its predecessor.
  int freePort(int limit) {
    do {
      lastPort = lastPort == limit ? 1 : lastPort + 1;
    } while (ports.containsKey(lastPort));
    return lastPort;
  }

  /// A port: offered to another domain, or bound to one of that domain's ports.
  static final class Port {
    final Domain domain;
    final int number;
    final int remoteDomid;
    final ChannelEnd end;
    Optional<Port> peer = Optional.empty();

    Port(Domain domain, int number, int remoteDomid, ChannelEnd end) {
      this.domain = domain;
      this.number = number;
      this.remoteDomid = remoteDomid;
      this.end = end;
    }
  }
}
