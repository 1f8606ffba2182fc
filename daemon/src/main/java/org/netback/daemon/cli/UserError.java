package org.netback.daemon.cli;

/// Something that the operator can put right; shown as one line, without a stack trace.
public final class UserError extends RuntimeException {
  private static final long serialVersionUID = 1;

  /// A service that is needed is not there (sysexits.h `EX_UNAVAILABLE`).
  public static final int UNAVAILABLE = 69;

  /// The configuration is wrong (sysexits.h `EX_CONFIG`).
  public static final int CONFIGURATION = 78;

  private final int exitCode;

  /// @param message what is wrong, where, and what to do
  public UserError(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  public int exitCode() {
    return exitCode;
  }
}
