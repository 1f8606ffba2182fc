package org.netback.xen.store;

import java.util.List;
import java.util.Optional;

/// A connection to the xenstore. Calls block for a round trip to xenstored, so no data path may
/// make one. Any thread; values are strings of at most 4096 octets, one char per octet (ISO
/// 8859-1), since a guest may write any octets.
public interface XenStore extends AutoCloseable {
  /// The value of a node, empty if there is none.
  Optional<String> read(String path) throws StoreException;

  /// Names of a node's children, none if it does not exist.
  List<String> directory(String path) throws StoreException;

  void write(String path, String value) throws StoreException;

  void mkdir(String path) throws StoreException;

  /// Removes a node and all below it; no error if it does not exist.
  void remove(String path) throws StoreException;

  /// Sets a node's permissions, each `n3`, `r3`, `w3` or `b3`, the owner's first (xs_wire.h
  /// `XS_SET_PERMS`).
  void setPermissions(String path, List<String> permissions) throws StoreException;

  List<String> permissions(String path) throws StoreException;

  /// Runs reads and writes as one transaction, and again from the start when another's commit came
  /// between (EAGAIN).
  <R> R transaction(Transaction<R> body) throws StoreException;

  /// Calls back once at first and then for each change at or below the path, on the store's own
  /// thread, one call at a time, in order. Slow consumers see repeated changes of one path merged.
  /// What a callback throws is recorded as an internal error; the watch goes on.
  Watch watch(String path, Watcher watcher) throws StoreException;

  @Override
  void close();

  /// The body of a transaction; sees its own writes.
  @FunctionalInterface
  interface Transaction<R> {
    R run(XenStore within) throws StoreException;
  }

  @FunctionalInterface
  interface Watcher {
    /// @param path the node that changed, at or below the one watched
    void changed(String path);
  }

  interface Watch extends AutoCloseable {
    /// No callback starts after this has returned on the store's thread. Idempotent.
    @Override
    void close();
  }
}
