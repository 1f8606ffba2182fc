package org.netback.client;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;

/// Something that the operator can put right; shown as one line, without a stack trace. The exit
/// codes beyond 2 are those of sysexits.h.
public final class UserError extends RuntimeException {
  private static final long serialVersionUID = 1;

  /// It was tried and failed, or was refused: a vif that is not there, a port that is taken.
  public static final int FAILED = 1;

  /// The command line is wrong.
  public static final int USAGE = 2;

  /// Nothing listens: there is no daemon, or no ground (`EX_UNAVAILABLE`).
  public static final int UNAVAILABLE = 69;

  /// A bug of netback's (`EX_SOFTWARE`).
  public static final int BUG = 70;

  /// The output cannot be written (`EX_IOERR`).
  public static final int OUTPUT = 74;

  /// No answer in time; it may come if it is tried again (`EX_TEMPFAIL`).
  public static final int TIMEOUT = 75;

  /// What answers is no netback (`EX_PROTOCOL`).
  public static final int PROTOCOL = 76;

  /// This user may not (`EX_NOPERM`).
  public static final int FORBIDDEN = 77;

  /// The configuration is wrong (`EX_CONFIG`).
  public static final int CONFIGURATION = 78;

  private final int exitCode;

  /// @param message what is wrong, where, and what to do
  public UserError(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  /// What an exception says, with the reason where Java's own message is a path alone.
  public static String reason(IOException e) {
    String message = String.valueOf(e.getMessage());
    return switch (e) {
      case AccessDeniedException _ -> message + ": permission denied";
      case NoSuchFileException _ -> message + ": no such file or directory";
      case FileAlreadyExistsException _ -> message + ": is there already";
      default -> message;
    };
  }

  public int exitCode() {
    return exitCode;
  }
}
