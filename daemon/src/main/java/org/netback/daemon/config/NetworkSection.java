package org.netback.daemon.config;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.MulticastPolicy;
import org.netback.vswitch.MulticastPolicy.Unregistered;

/// Reads the file's `networks`.
final class NetworkSection {
  static final List<String> KEYS =
      List.of("name", "mac-table-size", "ageing", "macs-per-port", "static", "multicast");
  static final List<String> MULTICAST_KEYS =
      List.of(
          "snooping",
          "querier",
          "fast-leave",
          "unregistered",
          "query-interval",
          "groups-per-port",
          "router-ports");

  private NetworkSection() {}

  static List<NetworkChoice> read(YamlMap top) throws ConfigurationException {
    List<NetworkChoice> networks = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (YamlMap map : top.maps("networks", "a network", KEYS)) {
      String name =
          map.text("name", Names.NETWORK, "1 to 63 letters, digits, dots, hyphens or underscores");
      if (!names.add(name)) {
        throw map.wrong("name", "network \"" + name + "\" is there twice");
      }
      int size = map.integer("mac-table-size", 1, 1 << 20, 8192);
      networks.add(
          new NetworkChoice(
              name,
              size,
              map.duration(
                  "ageing", MacLimits.LEAST_AGE, MacLimits.MOST_AGE, MacLimits.DEFAULT.age()),
              map.integer("macs-per-port", 1, 1 << 20, Math.min(size, 1024)),
              StaticSection.read(map, name),
              multicast(map)));
    }
    return List.copyOf(networks);
  }

  private static MulticastPolicy multicast(YamlMap network) throws ConfigurationException {
    Optional<YamlMap> given = network.map("multicast", MULTICAST_KEYS);
    if (given.isEmpty()) {
      return MulticastPolicy.DEFAULT;
    }
    YamlMap map = given.get();
    MulticastPolicy usual = MulticastPolicy.DEFAULT;
    return new MulticastPolicy(
        map.flag("snooping", usual.snooping()),
        map.flag("querier", usual.querier()),
        map.flag("fast-leave", usual.fastLeave()),
        map.choice("unregistered", Unregistered.values(), usual.unregistered()),
        map.duration(
            "query-interval",
            MulticastPolicy.LEAST_QUERY_INTERVAL,
            MulticastPolicy.MOST_QUERY_INTERVAL,
            usual.queryInterval()),
        usual.memberships(),
        map.integer("groups-per-port", 1, usual.memberships(), usual.membershipsPerPort()),
        map.texts("router-ports", Names.INTERFACE, Names.PORT));
  }
}
