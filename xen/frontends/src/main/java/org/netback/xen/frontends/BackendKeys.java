package org.netback.xen.frontends;

import java.io.IOException;
import java.util.Optional;
import org.netback.xen.store.StoreException;
import org.netback.xen.store.XenStore;

/// A backend's directory as its frontend reads it. Every call is a round trip to the store, and
/// sees what stands there now.
public final class BackendKeys {
  private final XenStore store;
  private final String path;

  BackendKeys(XenStore store, String path) {
    this.store = store;
    this.path = path;
  }

  public Optional<String> text(String key) throws StoreException {
    return store.read(path + '/' + key);
  }

  /// A feature switch: absent and 0 are off, any other number is on.
  ///
  /// @throws IOException it is no number
  public boolean flag(String key) throws IOException {
    return number(key, 0) != 0;
  }

  /// @throws IOException it is no number
  public int number(String key, int whenAbsent) throws IOException {
    Optional<String> text = text(key);
    return text.isPresent() ? parse(text.get(), path + '/' + key) : whenAbsent;
  }

  /// Insists on a feature.
  ///
  /// @throws MissingFeatureException its key is not 1
  public void require(String key) throws IOException {
    if (!"1".equals(text(key).orElse(""))) {
      throw new MissingFeatureException(path + '/' + key + " is not 1, no other way is known");
    }
  }

  static int parse(String text, String what) throws IOException {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new IOException(what + " is not a number: \"" + text + '"', e);
    }
  }
}
