package org.netback.daemon.config;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.netback.daemon.config.Configuration.StaticEntry;
import org.netback.packet.MacAddress;

/// Reads addresses that are pinned to ports: a network's `static`, and a request for one more.
public final class StaticSection {
  static final List<String> KEYS = List.of("mac", "port");
  private static final List<String> REQUEST_KEYS = List.of("network", "mac", "port");

  private StaticSection() {}

  /// A static entry that is asked for while the daemon runs.
  ///
  /// @param entry the entry
  /// @param network that it belongs to
  public record StaticRequest(StaticEntry entry, String network) {}

  /// Reads a static entry as JSON.
  public static StaticRequest request(String source, String text) throws ConfigurationException {
    YamlMap map = YamlMap.parse(source, "a static entry", text, REQUEST_KEYS);
    return new StaticRequest(entry(map), map.text("network"));
  }

  /// @param name of the network, for messages
  static List<StaticEntry> read(YamlMap network, String name) throws ConfigurationException {
    Map<MacAddress, Integer> lines = new HashMap<>();
    List<StaticEntry> entries = new ArrayList<>();
    for (YamlMap map : network.maps("static", "a static entry", KEYS)) {
      StaticEntry entry = entry(map);
      Optional<Integer> first =
          Optional.ofNullable(lines.putIfAbsent(entry.mac(), map.line("mac")));
      if (first.isPresent()) {
        throw map.wrong(
            "mac",
            entry.mac()
                + " is there twice in network \""
                + name
                + "\", at first in line "
                + first.get());
      }
      entries.add(entry);
    }
    return List.copyOf(entries);
  }

  private static StaticEntry entry(YamlMap map) throws ConfigurationException {
    MacAddress mac = map.parsed("mac", MacAddress::parse);
    if (MacAddress.isGroup(mac.value())) {
      throw map.wrong("mac", "\"mac\" is the group address " + mac + ", not one station's");
    }
    if (!StaticEntry.isStation(mac)) {
      throw map.wrong("mac", "\"mac\" is " + mac + ", which no station has");
    }
    return new StaticEntry(mac, map.text("port", Names.INTERFACE, Names.PORT));
  }
}
