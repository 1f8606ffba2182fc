package org.netback.xen.frontends;

import java.io.IOException;

/// A backend in InitWait does not have what a driver cannot do without. It may have refused the
/// device instead of announcing itself.
public final class MissingFeatureException extends IOException {
  private static final long serialVersionUID = 1L;

  /// @param message names the key
  public MissingFeatureException(String message) {
    super(message);
  }
}
