package org.netback.xen.store;

import java.io.IOException;

/// xenstored refused an operation, or the connection to it is gone.
public final class StoreException extends IOException {
  private final String error;

  /// @param error the error's name as xs_wire.h spells it: "ENOENT", "EACCES", "EQUOTA" …
  public StoreException(String operation, String path, String error) {
    super(operation + ' ' + path + ": " + error);
    this.error = error;
  }

  public String error() {
    return error;
  }
}
