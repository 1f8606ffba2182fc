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
  private static final String QUEUE = "queue-";

  /// A frontend does not write its directory while it is Connected. One that does must not keep the
  /// bus reading, a round trip for each key.
  private static final int READ_ATTEMPTS = 3;

  private final DeviceId id;
  private final XenStore store;
  private final BackendDirectory directory;
  private final String frontendPath;
  private final KeyBounds bounds;
  private final Consumer<String> failure;

  /// @param domid the backend's domain
  /// @param frontendPath absolute, already found to be the frontend's domain's own
  /// @param bounds on what is read of the frontend's directory
  /// @param failure what [#fail] does; called on any thread, must return at once
  public BackendDevice(
      DeviceId id,
      XenStore store,
      int domid,
      String frontendPath,
      KeyBounds bounds,
      Consumer<String> failure) {
    this.id = id;
    this.store = store;
    this.directory = new BackendDirectory(store, domid, id);
    this.frontendPath = frontendPath;
    this.bounds = bounds;
    this.failure = failure;
  }

  public DeviceId id() {
    return id;
  }

  /// A key of the backend's own directory, written by the toolstack.
  public Optional<String> backendKey(String key) throws StoreException {
    return directory.read(key);
  }

  /// Writes keys of the backend's own directory, all or none. Any thread; blocks for round trips to
  /// the store.
  ///
  /// The directory is the toolstack's: once it is removed, nothing is written, so that it does not
  /// come back. The bus hears of what is written as of every change there, and calls
  /// [DeviceBackend#refresh], which must therefore not publish what is published already.
  ///
  /// @param keys value by key. An empty value removes the key: no class tells a key without a value
  ///   from one that is not there
  /// @param touchState whether the state is written once more as it is, by which frontends that
  ///   watch it are told to look again (blkfront does so for another size)
  /// @return false if the device has gone
  /// @throws IllegalArgumentException if `state` is one of the keys
  public boolean publish(Map<String, String> keys, boolean touchState) throws StoreException {
    return directory.publish(keys, touchState);
  }

  /// One key of the frontend's directory, for what may change while the device is connected. The
  /// value is the guest's and may be anything.
  public Optional<String> frontendKey(String key) throws StoreException {
    return store.read(frontendPath + '/' + key);
  }

  /// Writes a key of the frontend's directory that the backend has to write there (a console's
  /// `tty`). Nothing is written once the toolstack has removed the directory.
  ///
  /// @return false if the directory has gone
  /// @throws StoreException EAGAIN if the guest writes its directory without pause
  public boolean publishInFrontend(String key, String value) throws StoreException {
    AtomicInteger attempts = new AtomicInteger();
    return store.transaction(
        within -> {
          if (attempts.getAndIncrement() == READ_ATTEMPTS) {
            throw new StoreException("write to a frontend", frontendPath, "EAGAIN");
          }
          if (within.read(frontendPath + "/backend").isEmpty()) {
            return false;
          }
          within.write(frontendPath + '/' + key, value);
          return true;
        });
  }

  /// All keys of the frontend's directory that the guest has written, read at once in one
  /// transaction. Every value is hostile.
  ///
  /// @throws DeviceException the guest has written more than its class allows; names the directory
  ///   and the bound
  /// @throws StoreException EAGAIN if the guest goes on writing them meanwhile
  public FrontendKeys frontendKeys() throws DeviceException, StoreException {
    AtomicInteger attempts = new AtomicInteger();
    Reading reading =
        store.transaction(
            within -> {
              if (attempts.getAndIncrement() == READ_ATTEMPTS) {
                throw new StoreException("read of a frontend", frontendPath, "EAGAIN");
              }
              Reading one = new Reading();
              readFrontend(within, one);
              return one;
            });
    if (!reading.excess.isEmpty()) {
      throw new DeviceException(reading.excess);
    }
    return new FrontendKeys(frontendPath, reading.keys);
  }

  /// Ends the device because of something that its guest did: disconnects it, writes the message to
  /// the error node, and closes. Any thread, at most once per connection; returns at once.
  public void fail(String message) {
    failure.accept(message);
  }

  /// What was read, or why it was not.
  private static final class Reading {
    private final Map<String, String> keys = new HashMap<>();

    /// Empty if nothing is beyond its bound.
    private String excess = "";
  }

  /// Counts before it reads, since a guest may have written any number.
  private void readFrontend(XenStore within, Reading reading) throws StoreException {
    List<String> names = within.directory(frontendPath);
    int queues = (int) names.stream().filter(BackendDevice::isQueue).count();
    if (isBeyond(frontendPath, "keys", names.size() - queues, bounds.keys(), reading)
        || isBeyond(frontendPath, "queues", queues, bounds.queues(), reading)) {
      return;
    }
    for (String name : names) {
      if (!isQueue(name)) {
        readKey(within, name, reading);
      } else if (!readQueue(within, name, reading)) {
        return;
      }
    }
  }

  /// Another name that begins like one is a key; it may be long, and goes into no message.
  private static boolean isQueue(String name) {
    return name.startsWith(QUEUE) && PathNumber.parse(name.substring(QUEUE.length())) >= 0;
  }

  private boolean readQueue(XenStore within, String queue, Reading reading) throws StoreException {
    String path = frontendPath + '/' + queue;
    List<String> names = within.directory(path);
    if (isBeyond(path, "keys", names.size(), bounds.keysPerQueue(), reading)) {
      return false;
    }
    for (String name : names) {
      readKey(within, queue + '/' + name, reading);
    }
    return true;
  }

  private static boolean isBeyond(String path, String what, int count, int bound, Reading reading) {
    if (count <= bound) {
      return false;
    }
    reading.excess = path + " has " + count + ' ' + what + ", more than " + bound;
    return true;
  }

  private void readKey(XenStore within, String key, Reading reading) throws StoreException {
    within.read(frontendPath + '/' + key).ifPresent(value -> reading.keys.put(key, value));
  }
}
