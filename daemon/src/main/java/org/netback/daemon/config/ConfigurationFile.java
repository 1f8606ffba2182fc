package org.netback.daemon.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.netback.daemon.config.Configuration.Dom0Choice;
import org.netback.daemon.config.Configuration.EmbeddedChoice;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.netback.daemon.config.Configuration.StaticEntry;
import org.netback.daemon.config.Configuration.TapChoice;
import org.netback.loop.netty.SocketFile;
import org.netback.netif.Rate;
import org.netback.packet.MacAddress;
import org.netback.vswitch.MacLimits;
import org.netback.vswitch.MulticastPolicy;
import org.netback.vswitch.MulticastPolicy.Unregistered;
import org.netback.xen.embedded.EmbeddedGround;
import org.snakeyaml.engine.v2.nodes.Node;

/// Reads the daemon's configuration file:
///
/// ```yaml
/// ground:
///   run: run                  # relative to this file
///   apart: false              # true: the ground is a `netback ground` of its own
/// control: run/control.sock
/// loops: 2
/// linger-us: 20
/// vifs:
///   max-queues: 4
/// networks:
///   - name: lan
///     mac-table-size: 8192
///     ageing: 300s
///     macs-per-port: 1024
///     static:
///       - {mac: "02:00:00:00:00:01", port: vif1.0}
///     multicast:
///       snooping: true
///       querier: true
///       fast-leave: false
///       unregistered: flood     # or routers, or routers-and-nd
///       query-interval: 125s
///       groups-per-port: 256
///       router-ports: [uplink0] # absent: found by what they send
/// taps:
///   - name: uplink0
///     network: lan
///     namespace: uplink
///     queues: 1
///     mtu: 1500
///     persistent: false
/// ```
public final class ConfigurationFile {
  /// As long as it takes to wake a thread, or a few times that.
  public static final int DEFAULT_LINGER_MICROS = 20;

  private static final Pattern NETWORK = Pattern.compile("[A-Za-z0-9._-]{1,63}");

  /// As Linux has it, but for characters that would have to be quoted somewhere.
  private static final Pattern INTERFACE = Pattern.compile("(?!\\.{1,2}$)[A-Za-z0-9._-]{1,15}");

  private static final String PORT_NAME =
      "a port's name of 1 to 15 letters, digits, . _ or -, such as vif1.0";
  private static final Pattern NAMESPACE =
      Pattern.compile("/\\P{Cntrl}{1,4094}|(?!\\.{1,2}$)[^/\\p{Cntrl}]{1,255}");
  private static final int MOST_LOOPS = 64;

  private enum Kind {
    DOM0,
    EMBEDDED
  }

  private static final List<String> TOP =
      List.of("ground", "control", "loops", "linger-us", "vifs", "networks", "taps");
  private static final List<String> GROUND_KEYS = List.of("kind", "run", "apart");
  private static final List<String> VIF_KEYS = List.of("max-queues");
  private static final List<String> STATIC_KEYS = List.of("mac", "port");
  private static final List<String> NETWORK_KEYS =
      List.of("name", "mac-table-size", "ageing", "macs-per-port", "static", "multicast");
  private static final List<String> MULTICAST_KEYS =
      List.of(
          "snooping",
          "querier",
          "fast-leave",
          "unregistered",
          "query-interval",
          "groups-per-port",
          "router-ports");
  private static final List<String> TAP_KEYS =
      List.of("name", "network", "namespace", "queues", "mtu", "persistent");

  private ConfigurationFile() {}

  /// Every key that a file may have, in whatever part.
  public static Set<String> keys() {
    Set<String> keys = new TreeSet<>();
    Stream.of(TOP, GROUND_KEYS, VIF_KEYS, NETWORK_KEYS, STATIC_KEYS, MULTICAST_KEYS, TAP_KEYS)
        .forEach(keys::addAll);
    return keys;
  }

  /// Reads and checks a file.
  ///
  /// @throws ConfigurationException the file cannot be read, or says something wrong
  public static Configuration read(Path file) throws ConfigurationException {
    String text = ConfigurationText.read(file);
    Path directory = Optional.ofNullable(file.toAbsolutePath().getParent()).orElse(Path.of("/"));
    return parse(file.toString(), text, directory);
  }

  /// Reads and checks a text.
  ///
  /// @param file its name, for messages
  /// @param directory that relative paths start from
  static Configuration parse(String file, String text, Path directory)
      throws ConfigurationException {
    Node root = root(file, text, TOP);
    YamlMap top = YamlMap.of(file, "the configuration", root, TOP);
    YamlMap groundMap =
        top.map("ground", GROUND_KEYS)
            .orElseThrow(
                () ->
                    YamlMap.at(
                        file,
                        root,
                        "\"ground\" is missing: {kind: dom0} on a Xen host, elsewhere {run: DIR}"));
    GroundChoice ground = ground(groundMap, directory);
    int maxQueues =
        top.has("vifs")
            ? top.map("vifs", VIF_KEYS).orElseThrow().integer("max-queues", 1, 64, defaultQueues())
            : defaultQueues();
    List<NetworkChoice> networks = networks(top);
    return new Configuration(
        ground,
        control(top, ground, directory),
        top.integer("loops", 1, MOST_LOOPS, defaultLoops()),
        top.integer("linger-us", 0, 1000, DEFAULT_LINGER_MICROS),
        maxQueues,
        networks,
        taps(top, networks));
  }

  private static GroundChoice ground(YamlMap map, Path directory) throws ConfigurationException {
    return switch (map.choice("kind", Kind.values(), Kind.EMBEDDED)) {
      case DOM0 -> {
        for (String key : List.of("run", "apart")) {
          if (map.has(key)) {
            throw map.wrong(
                key,
                '"' + key + "\" is for the embedded ground; a ground of kind dom0 has Xen's own");
          }
        }
        yield new Dom0Choice();
      }
      case EMBEDDED ->
          new EmbeddedChoice(
              map.path("run", directory, EmbeddedGround.MAX_RUN_OCTETS), map.flag("apart", false));
    };
  }

  private static Path control(YamlMap top, GroundChoice ground, Path directory)
      throws ConfigurationException {
    RunDirectory run = new RunDirectory(runDirectory(ground));
    if (!top.has("control")) {
      return run.control();
    }
    Path control = top.path("control", directory, SocketFile.MAX_OCTETS);
    if (run.isOfTheGround(control)) {
      throw top.wrong(
          "control", "\"control\" is " + control + ", which the ground needs for itself");
    }
    return control;
  }

  private static Path runDirectory(GroundChoice ground) {
    return switch (ground) {
      case EmbeddedChoice embedded -> embedded.run();
      case Dom0Choice _ -> Path.of(RunDirectory.DEFAULT);
    };
  }

  private static int defaultLoops() {
    return Math.min(MOST_LOOPS, Runtime.getRuntime().availableProcessors());
  }

  private static int defaultQueues() {
    return Math.min(8, Runtime.getRuntime().availableProcessors());
  }

  private static List<NetworkChoice> networks(YamlMap top) throws ConfigurationException {
    List<NetworkChoice> networks = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (YamlMap map : top.maps("networks", "a network", NETWORK_KEYS)) {
      String name =
          map.text("name", NETWORK, "1 to 63 letters, digits, dots, hyphens or underscores");
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
              staticEntries(map, name),
              multicast(map)));
    }
    return List.copyOf(networks);
  }

  private static List<StaticEntry> staticEntries(YamlMap network, String name)
      throws ConfigurationException {
    Map<MacAddress, Integer> lines = new HashMap<>();
    List<StaticEntry> entries = new ArrayList<>();
    for (YamlMap map : network.maps("static", "a static entry", STATIC_KEYS)) {
      StaticEntry entry = staticEntry(map);
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
        map.texts("router-ports", INTERFACE, PORT_NAME));
  }

  private static List<TapChoice> taps(YamlMap top, List<NetworkChoice> networks)
      throws ConfigurationException {
    List<TapChoice> taps = new ArrayList<>();
    Set<String> names = new HashSet<>();
    List<String> known = networks.stream().map(NetworkChoice::name).toList();
    for (YamlMap map : top.maps("taps", "a tap", TAP_KEYS)) {
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
        map.text("name", INTERFACE, "an interface name: 1 to 15 letters, digits, . _ or -");
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
            "namespace", NAMESPACE, "a network namespace's name, or a path that begins with /"),
        map.integer("queues", 1, 16, 1),
        map.integer("mtu", 68, 65521, 1500),
        map.flag("persistent", false));
  }

  /// Reads a tap that is asked for while the daemon runs, as JSON (of which YAML is a superset).
  ///
  /// @param networks that there are
  public static TapChoice tap(String source, String text, List<String> networks)
      throws ConfigurationException {
    return tap(YamlMap.of(source, "a tap", root(source, text, TAP_KEYS), TAP_KEYS), networks);
  }

  /// A static entry that is asked for while the daemon runs.
  ///
  /// @param entry the entry
  /// @param network that it belongs to
  public record StaticRequest(StaticEntry entry, String network) {}

  /// Reads a static entry as JSON.
  public static StaticRequest staticEntry(String source, String text)
      throws ConfigurationException {
    List<String> keys = List.of("network", "mac", "port");
    YamlMap map = YamlMap.of(source, "a static entry", root(source, text, keys), keys);
    return new StaticRequest(staticEntry(map), map.text("network"));
  }

  /// Reads the request to stop: whether guests are to be kept; empty for no.
  public static boolean keepGuests(String source, String text) throws ConfigurationException {
    if (text.isBlank()) {
      return false;
    }
    List<String> keys = List.of("keepGuests");
    return YamlMap.of(source, "a request to stop", root(source, text, keys), keys)
        .flag("keepGuests", false);
  }

  /// New rates of a vif; those that are not mentioned stay.
  public record RateRequest(Optional<Rate> fromGuest, Optional<Rate> toGuest) {}

  /// Reads a change of a vif's rates as JSON.
  public static RateRequest rates(String source, String text) throws ConfigurationException {
    List<String> keys = List.of("fromGuest", "toGuest");
    YamlMap map = YamlMap.of(source, "a vif's rates", root(source, text, keys), keys);
    return new RateRequest(rate(map, "fromGuest"), rate(map, "toGuest"));
  }

  private static Optional<Rate> rate(YamlMap map, String key) throws ConfigurationException {
    return map.has(key) ? Optional.of(map.parsed(key, Rate::parse)) : Optional.empty();
  }

  private static StaticEntry staticEntry(YamlMap map) throws ConfigurationException {
    MacAddress mac = map.parsed("mac", MacAddress::parse);
    if (MacAddress.isGroup(mac.value())) {
      throw map.wrong("mac", "\"mac\" is the group address " + mac + ", not one station's");
    }
    if (!StaticEntry.isStation(mac)) {
      throw map.wrong("mac", "\"mac\" is " + mac + ", which no station has");
    }
    return new StaticEntry(mac, map.text("port", INTERFACE, PORT_NAME));
  }

  private static Node root(String source, String text, List<String> allowed)
      throws ConfigurationException {
    return YamlText.compose(source, text)
        .orElseThrow(
            () ->
                new ConfigurationException(
                    source + ":1:1: empty; allowed are " + YamlMap.list(allowed)));
  }
}
