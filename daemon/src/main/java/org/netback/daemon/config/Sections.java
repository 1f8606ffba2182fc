package org.netback.daemon.config;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a configuration says about each device class.
///
/// @param values by the section's key; a section that has none means its defaults
public record Sections(Map<String, Object> values) {
  /// All device classes as they are by default.
  public static final Sections DEFAULTS = new Sections(Map.of());

  public Sections {
    values = Map.copyOf(values);
  }

  /// Reads these sections of a file.
  static Sections read(YamlMap top, List<Section<?>> sections) throws ConfigurationException {
    Map<String, Object> values = new HashMap<>();
    for (Section<?> section : sections) {
      values.put(section.key(), section.read(top));
    }
    return new Sections(values);
  }

  /// The same with another value for one section.
  public <C> Sections with(Section<C> section, C value) {
    Map<String, Object> changed = new HashMap<>(values);
    changed.put(section.key(), value);
    return new Sections(changed);
  }

  public <C> C get(Section<C> section) {
    return Optional.ofNullable(values.get(section.key()))
        .map(section.type()::cast)
        .orElse(section.defaults());
  }
}
