package org.netback.xen.bus;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// A device as its [DeviceBackend] sees it: its two directories, and the way to fail.
public final class BackendDevice {
  /// Enough for every key of every header; a guest that writes more has the rest left unread.
  private static final int MAX_KEYS = 64;

  private static final int MAX_QUEUES = 64;
  private static final int MAX_KEYS_PER_QUEUE = 8;

  /// A frontend does not write its directory while it is Connected. One that does must not keep the
  /// bus reading, a round trip for each key.
  private static final int READ_ATTEMPTS = 3;

  private final DeviceId id;
  private final XenStore store;
  private final String backendPath;
  private final String frontendPath;
  private final Consumer<String> failure;

  /// @param backendPath absolute
  /// @param frontendPath absolute, already found to be the frontend's domain's own
  /// @param failure what [#fail] does; called on any thread, must return at once
  public BackendDevice(
      DeviceId id,
      XenStore store,
      String backendPath,
      String frontendPath,
      Consumer<String> failure) {
    this.id = id;
    this.store = store;
    this.backendPath = backendPath;
    this.frontendPath = frontendPath;
    this.failure = failure;
  }

  public DeviceId id() {
    return id;
  }

  /// A key of the backend's own directory, written by the toolstack.
  public Optional<String> backendKey(String key) throws StoreException {
    return store.read(backendPath + '/' + key);
  }

  /// Writes a key of the backend's own directory.
  public void writeBackendKey(String key, String value) throws StoreException {
    store.write(backendPath + '/' + key, value);
  }

  /// One key of the frontend's directory, for what may change while the device is connected. The
  /// value is the guest's and may be anything.
  public Optional<String> frontendKey(String key) throws StoreException {
    return store.read(frontendPath + '/' + key);
  }

  /// All keys of the frontend's directory that the guest has written, read at once in one
  /// transaction. Bounded, and every value hostile.
  ///
  /// @throws StoreException EAGAIN if the guest goes on writing them meanwhile
  public FrontendKeys frontendKeys() throws StoreException {
    AtomicInteger attempts = new AtomicInteger();
    Map<String, String> keys =
        store.transaction(
            within -> {
              if (attempts.getAndIncrement() == READ_ATTEMPTS) {
                throw new StoreException("read of a frontend", frontendPath, "EAGAIN");
              }
              return readFrontend(within);
            });
    return new FrontendKeys(frontendPath, keys);
  }

  /// Ends the device because of something that its guest did: disconnects it, writes the message to
  /// the error node, and closes. Any thread, at most once per connection; returns at once.
  public void fail(String message) {
    failure.accept(message);
  }

  private Map<String, String> readFrontend(XenStore within) throws StoreException {
    Map<String, String> keys = new HashMap<>();
    int queues = 0;
    for (String name : firstOf(within.directory(frontendPath), MAX_KEYS + MAX_QUEUES)) {
      if (!name.startsWith("queue-")) {
        readKey(within, name, keys);
      } else if (queues++ < MAX_QUEUES) {
        for (String key :
            firstOf(within.directory(frontendPath + '/' + name), MAX_KEYS_PER_QUEUE)) {
          readKey(within, name + '/' + key, keys);
        }
      }
    }
    return keys;
  }

  private void readKey(XenStore within, String key, Map<String, String> keys)
      throws StoreException {
    within.read(frontendPath + '/' + key).ifPresent(value -> keys.put(key, value));
  }

  private static List<String> firstOf(List<String> names, int limit) {
    return names.size() <= limit ? names : names.subList(0, limit);
  }
}
