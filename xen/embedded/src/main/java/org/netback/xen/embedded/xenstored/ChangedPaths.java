package org.netback.xen.embedded.xenstored;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/// The paths that a request or transaction changed, in the order of their first change. Each has
/// whether watches on nodes above it hear of it too; what vanishes below a removed node is told
/// only to watches on exactly that path.
final class ChangedPaths {
  private final Map<StorePath, Boolean> changed = new LinkedHashMap<>();

  void add(StorePath path, boolean toThoseAbove) {
    changed.merge(path, toThoseAbove, Boolean::logicalOr);
  }

  void clear() {
    changed.clear();
  }

  void forEach(BiConsumer<StorePath, Boolean> action) {
    changed.forEach(action);
  }
}
