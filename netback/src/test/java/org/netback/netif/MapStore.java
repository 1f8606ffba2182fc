package org.netback.netif;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// A store in a map, for tests of what is read from it and written to it, not of the store.
final class MapStore implements XenStore {
  private final Map<String, String> nodes = new TreeMap<>();

  @Override
  public synchronized Optional<String> read(String path) {
    return Optional.ofNullable(nodes.get(path));
  }

  @Override
  public synchronized List<String> directory(String path) {
    String prefix = path + '/';
    return nodes.keySet().stream()
        .filter(node -> node.startsWith(prefix))
        .map(node -> node.substring(prefix.length()).split("/", 2)[0])
        .distinct()
        .toList();
  }

  @Override
  public synchronized void write(String path, String value) {
    nodes.put(path, value);
  }

  @Override
  public synchronized void mkdir(String path) {
    nodes.putIfAbsent(path, "");
  }

  @Override
  public synchronized void remove(String path) {
    nodes.keySet().removeIf(node -> node.equals(path) || node.startsWith(path + '/'));
  }

  @Override
  public void setPermissions(String path, List<String> permissions) {}

  @Override
  public List<String> permissions(String path) {
    return List.of("n0");
  }

  @Override
  public synchronized <R> R transaction(Transaction<R> body) throws StoreException {
    return body.run(this);
  }

  @Override
  public Watch watch(String path, Watcher watcher) {
    throw new UnsupportedOperationException("no watch in a map");
  }

  @Override
  public void close() {}
}
