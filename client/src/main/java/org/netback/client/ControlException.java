package org.netback.client;

import java.io.IOException;

/// A daemon gave no answer; the message says where, why, and what to do.
public final class ControlException extends IOException {
  private static final long serialVersionUID = 1;

  private final int exitCode;

  /// @param exitCode as in [UserError]
  ControlException(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  public int exitCode() {
    return exitCode;
  }
}
