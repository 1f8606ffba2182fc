package org.netback.daemon.config;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.Configuration.TapChoice;

/// Reads taps: the file's `taps`, and a request for one more.
public final class TapSection {
  static final List<String> KEYS =
      List.of("name", "network", "namespace", "queues", "mtu", "persistent");

  private TapSection() {}

  /// Reads a tap that is asked for while the daemon runs, as JSON (of which YAML is a superset).
  ///
  /// @param networks that there are
  public static TapChoice request(String source, String text, List<String> networks)
      throws ConfigurationException {
    return tap(YamlMap.parse(source, "a tap", text, KEYS), networks);
  }

  /// @param networks that there are
  static List<TapChoice> read(YamlMap top, List<NetworkChoice> networks)
      throws ConfigurationException {
    List<TapChoice> taps = new ArrayList<>();
    Set<String> names = new HashSet<>();
    List<String> known = networks.stream().map(NetworkChoice::name).toList();
    for (YamlMap map : top.maps("taps", "a tap", KEYS)) {
      TapChoice tap = tap(map, known);
      if (!names.add(tap.name())) {
        throw map.wrong("name", "tap \"" + tap.name() + "\" is there twice");
      }
      taps.add(tap);
    }
    return List.copyOf(taps);
  }

  private static TapChoice tap(YamlMap map, List<String> networks) throws ConfigurationException {
    String name =
        map.text("name", Names.INTERFACE, "an interface name: 1 to 15 letters, digits, . _ or -");
    String network = map.text("network");
    if (!networks.contains(network)) {
      throw map.wrong(
          "network",
          "there is no network \""
              + network
              + '"'
              + YamlMap.nearest(network, networks)
                  .map(s -> "; did you mean \"" + s + "\"?")
                  .orElse(networks.isEmpty() ? "" : "; there are " + YamlMap.list(networks)));
    }
    return new TapChoice(
        name,
        network,
        map.optional(
            "namespace",
            Names.NAMESPACE,
            "a network namespace's name, or a path that begins with /"),
        map.integer("queues", 1, 16, 1),
        map.integer("mtu", 68, 65521, 1500),
        map.flag("persistent", false));
  }
}
