package org.netback.daemon.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.netback.daemon.config.Configuration.GroundChoice;
import org.netback.daemon.config.Configuration.NetworkChoice;
import org.snakeyaml.engine.v2.nodes.Node;

/// Reads the daemon's configuration file. Each section has a reader of its own; the daemon's own
/// settings stand at the top and are read here. `daemon/src/main/image/etc/netback.sample.yaml` has
/// every key.
public final class ConfigurationFile {
  /// As long as it takes to wake a thread, or a few times that.
  public static final int DEFAULT_LINGER_MICROS = 20;

  /// The sections of the device classes. A class that has something to configure adds its own.
  private static final List<Section<?>> DEVICES =
      List.of(VifSection.SECTION, ConsoleSection.SECTION);

  private static final int MOST_LOOPS = 64;
  private static final List<String> TOP = top();

  private ConfigurationFile() {}

  private static List<String> top() {
    List<String> keys = new ArrayList<>(List.of("ground", "control", "loops", "linger-us"));
    DEVICES.forEach(section -> keys.add(section.key()));
    keys.addAll(List.of("networks", "taps"));
    return List.copyOf(keys);
  }

  /// Every key that a file may have, in whatever part.
  public static Set<String> keys() {
    Set<String> keys = new TreeSet<>();
    Stream.of(
            TOP,
            GroundSection.KEYS,
            NetworkSection.KEYS,
            StaticSection.KEYS,
            NetworkSection.MULTICAST_KEYS,
            TapSection.KEYS)
        .forEach(keys::addAll);
    DEVICES.forEach(section -> keys.addAll(section.keys()));
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
    Node root = YamlMap.root(file, text, TOP);
    YamlMap top = YamlMap.of(file, "the configuration", root, TOP);
    GroundChoice ground = GroundSection.read(file, root, top, directory);
    Sections devices = Sections.read(top, DEVICES);
    List<NetworkChoice> networks = NetworkSection.read(top);
    return new Configuration(
        ground,
        GroundSection.control(top, ground, directory),
        top.integer("loops", 1, MOST_LOOPS, defaultLoops()),
        top.integer("linger-us", 0, 1000, DEFAULT_LINGER_MICROS),
        devices,
        networks,
        TapSection.read(top, networks));
  }

  private static int defaultLoops() {
    return Math.min(MOST_LOOPS, Runtime.getRuntime().availableProcessors());
  }
}
