package org.netback.xen.frontends;

import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.netback.loop.SteppedLoop;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// A xenstore in a map, whose watches fire as tasks of a stepped loop.
final class HandStore implements XenStore {
  final NavigableMap<String, String> nodes = new TreeMap<>();
  final List<String> writes = new ArrayList<>();
  int transactions;
  private final SteppedLoop loop;
  private final List<HandWatch> watches = new ArrayList<>();

  HandStore(SteppedLoop loop) {
    this.loop = loop;
  }

  @Override
  public Optional<String> read(String path) {
    return Optional.ofNullable(nodes.get(path));
  }

  @Override
  public List<String> directory(String path) {
    return nodes.tailMap(path + '/').keySet().stream()
        .takeWhile(p -> p.startsWith(path + '/'))
        .map(p -> p.substring(path.length() + 1).replaceAll("/.*", ""))
        .distinct()
        .toList();
  }

  @Override
  public void write(String path, String value) {
    nodes.put(path, value);
    writes.add(path + '=' + value);
    fire(path);
  }

  @Override
  public void mkdir(String path) {
    nodes.putIfAbsent(path, "");
  }

  @Override
  public void remove(String path) {
    nodes.keySet().removeIf(p -> p.equals(path) || p.startsWith(path + '/'));
    fire(path);
  }

  @Override
  public void setPermissions(String path, List<String> permissions) {}

  @Override
  public List<String> permissions(String path) {
    return List.of("n0");
  }

  @Override
  public <R> R transaction(Transaction<R> body) throws StoreException {
    transactions++;
    return body.run(this);
  }

  @Override
  public Watch watch(String path, Watcher watcher) {
    HandWatch watch = new HandWatch(path, watcher);
    watches.add(watch);
    loop.execute(() -> watcher.changed(path));
    return watch;
  }

  @Override
  public void close() {}

  int watches() {
    return watches.size();
  }

  private void fire(String path) {
    for (HandWatch watch : watches) {
      if (path.equals(watch.path) || path.startsWith(watch.path + '/')) {
        loop.execute(() -> watch.watcher.changed(path));
      }
    }
  }

  private final class HandWatch implements Watch {
    private final String path;
    private final Watcher watcher;

    HandWatch(String path, Watcher watcher) {
      this.path = path;
      this.watcher = watcher;
    }

    @Override
    public void close() {
      watches.remove(this);
    }
  }
}
