package org.netback.daemon;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.Configuration.StaticEntry;
import org.netback.packet.MacAddress;
import org.netback.vswitch.FdbRow;
import org.netback.vswitch.Network;
import org.netback.vswitch.Switch;
import org.netback.vswitch.SwitchPort;

/// Addresses that are pinned to ports by name. A port may come later than its entry, and go and
/// come back; the switch forgets an entry with its port, so it is entered again. Any thread.
final class StaticEntries {
  private final Switch vswitch;

  /// By network, then address: the port.
  private final Map<String, Map<MacAddress, String>> wanted = new HashMap<>();

  StaticEntries(Switch vswitch, List<NetworkChoice> networks) {
    this.vswitch = vswitch;
    for (NetworkChoice network : networks) {
      network
          .staticEntries()
          .forEach(entry -> wanted(network.name()).put(entry.mac(), entry.port()));
    }
  }

  private Map<MacAddress, String> wanted(String network) {
    return wanted.computeIfAbsent(network, _ -> new LinkedHashMap<>());
  }

  /// Pins an address, instead of where it was pinned before.
  synchronized void add(Network network, StaticEntry entry) {
    Optional<String> before =
        Optional.ofNullable(wanted(network.name()).put(entry.mac(), entry.port()));
    if (before.isPresent() && !before.get().equals(entry.port())) {
      // The new port may not be there yet, and the old one has lost the address.
      boolean _ = network.forget(entry.mac());
    }
    enter(network);
  }

  /// Forgets an address, whether it was wanted or learned.
  ///
  /// @return false if it was neither
  synchronized boolean remove(Network network, MacAddress mac) {
    boolean was = Optional.ofNullable(wanted(network.name()).remove(mac)).isPresent();
    return network.forget(mac) || was;
  }

  /// Enters what is wanted and not there, as far as its port is. To be called every second or so.
  synchronized void enter() {
    for (String network : wanted.keySet()) {
      vswitch.find(network).ifPresent(this::enter);
    }
  }

  private void enter(Network network) {
    Map<MacAddress, String> missing = new LinkedHashMap<>(wanted(network.name()));
    if (missing.isEmpty()) {
      return;
    }
    for (FdbRow row : network.addresses()) {
      if (row.isStatic()) {
        boolean _ = missing.remove(row.address(), row.port());
      }
    }
    Map<String, SwitchPort> ports = new HashMap<>();
    network.ports().forEach(port -> ports.put(port.name(), port));
    missing.forEach(
        (mac, name) -> {
          Optional<SwitchPort> port = Optional.ofNullable(ports.get(name));
          try {
            port.ifPresent(present -> network.addStatic(mac, present));
          } catch (IllegalStateException e) {
            // The port has just left; the next round finds it if it comes back.
          }
        });
  }
}
