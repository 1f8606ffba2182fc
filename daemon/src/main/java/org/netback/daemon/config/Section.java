package org.netback.daemon.config;

import java.util.List;

/// The part of the configuration file that belongs to one device class: a mapping under a key of
/// its own at the top of the file.
///
/// @param key at the top of the file: `vifs`
/// @param type of what is read
/// @param keys that the mapping may have; any other is an error
/// @param defaults what a file means that has no such part
public record Section<C>(
    String key, Class<C> type, List<String> keys, C defaults, Reader<C> reader) {

  /// Reads the mapping. Each key may be absent.
  @FunctionalInterface
  public interface Reader<C> {
    C read(YamlMap map) throws ConfigurationException;
  }

  C read(YamlMap top) throws ConfigurationException {
    return top.has(key) ? reader.read(top.map(key, keys).orElseThrow()) : defaults;
  }
}
