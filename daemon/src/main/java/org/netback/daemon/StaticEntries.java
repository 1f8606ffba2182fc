package org.netback.daemon;

import java.util.ArrayList;
import java.util.List;
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
  private record Wanted(String network, StaticEntry entry) {}

  private final Switch vswitch;
  private final List<Wanted> wanted = new ArrayList<>();

  StaticEntries(Switch vswitch, List<NetworkChoice> networks) {
    this.vswitch = vswitch;
    for (NetworkChoice network : networks) {
      network.staticEntries().forEach(entry -> wanted.add(new Wanted(network.name(), entry)));
    }
  }

  synchronized void add(String network, StaticEntry entry) {
    wanted.removeIf(w -> w.network.equals(network) && w.entry.mac().equals(entry.mac()));
    wanted.add(new Wanted(network, entry));
    enter();
  }

  /// Forgets an address, whether it was wanted or learned.
  ///
  /// @return false if it was neither
  synchronized boolean remove(Network network, MacAddress mac) {
    boolean was =
        wanted.removeIf(w -> w.network.equals(network.name()) && w.entry.mac().equals(mac));
    return network.forget(mac) || was;
  }

  /// Enters what is wanted and not there, as far as its port is. To be called every second or so.
  synchronized void enter() {
    for (Wanted w : wanted) {
      Optional<Network> network = vswitch.find(w.network);
      if (network.isPresent() && !isEntered(network.get(), w.entry)) {
        enter(network.get(), w.entry);
      }
    }
  }

  private static boolean isEntered(Network network, StaticEntry entry) {
    for (FdbRow row : network.addresses()) {
      if (row.address().equals(entry.mac())) {
        return row.isStatic() && row.port().equals(entry.port());
      }
    }
    return false;
  }

  private static void enter(Network network, StaticEntry entry) {
    for (SwitchPort port : network.ports()) {
      if (port.name().equals(entry.port())) {
        try {
          network.addStatic(entry.mac(), port);
        } catch (IllegalStateException e) {
          // The port has just left; the next round finds it if it comes back.
        }
      }
    }
  }
}
