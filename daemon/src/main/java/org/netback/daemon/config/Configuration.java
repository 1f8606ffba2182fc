package org.netback.daemon.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.netback.packet.MacAddress;
import org.netback.vswitch.MulticastPolicy;

/// What the daemon is to be, checked: names are unique, and every tap's and static entry's network
/// and port exist.
///
/// @param controlSocket where the control API listens
/// @param loops event loops, each a thread that vifs and taps are spread over
/// @param lingerMicros the longest that a loop looks for more work before it sleeps; 0 for never
/// @param devices what concerns single device classes
public record Configuration(
    GroundChoice ground,
    Path controlSocket,
    int loops,
    int lingerMicros,
    Sections devices,
    List<NetworkChoice> networks,
    List<TapChoice> taps) {

  /// What the daemon stands on.
  public sealed interface GroundChoice {
    /// For people.
    String description();

    /// Whether guests and their rings are still there when the daemon has ended.
    boolean outlivesDaemon();
  }

  /// The embedded ground.
  ///
  /// @param run its directory: xenstored's socket and the one that guests attach by
  /// @param apart whether it is a process of its own (`netback ground`), so that rings outlive the
  ///   daemon
  public record EmbeddedChoice(Path run, boolean apart) implements GroundChoice {
    @Override
    public String description() {
      return run + (apart ? " (apart)" : "");
    }

    @Override
    public boolean outlivesDaemon() {
      return apart;
    }
  }

  /// The Xen host whose dom0 this is.
  public record Dom0Choice() implements GroundChoice {
    @Override
    public String description() {
      return "dom0";
    }

    @Override
    public boolean outlivesDaemon() {
      return true;
    }
  }

  /// A tenant's network.
  ///
  /// @param macTableSize the most addresses learned at a time
  /// @param ageing after which an address that sent nothing is forgotten
  /// @param macsPerPort the most addresses learned at one port
  public record NetworkChoice(
      String name,
      int macTableSize,
      Duration ageing,
      int macsPerPort,
      List<StaticEntry> staticEntries,
      MulticastPolicy multicast) {

    /// With the usual treatment of multicast.
    public NetworkChoice(
        String name,
        int macTableSize,
        Duration ageing,
        int macsPerPort,
        List<StaticEntry> staticEntries) {
      this(name, macTableSize, ageing, macsPerPort, staticEntries, MulticastPolicy.DEFAULT);
    }
  }

  /// An address pinned to a port, which may appear later.
  ///
  /// @param mac one station's: no group, since groups go to members and routers, and not zero
  public record StaticEntry(MacAddress mac, String port) {
    public StaticEntry {
      if (!isStation(mac)) {
        throw new IllegalArgumentException(mac + " is no address of a station");
      }
    }

    static boolean isStation(MacAddress mac) {
      return mac.value() != 0 && !MacAddress.isGroup(mac.value());
    }
  }

  /// A Linux tap device as a port.
  ///
  /// @param namespace the network namespace that it is put into, as `ip netns` names it; empty for
  ///   the daemon's own
  /// @param persistent whether the device stays when the daemon ends
  public record TapChoice(
      String name, String network, String namespace, int queues, int mtu, boolean persistent) {}
}
