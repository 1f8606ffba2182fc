package org.netback.daemon.control;

/// A request cannot be done; the message says why and what would be right.
public final class RequestException extends Exception {
  private final int status;

  /// @param status of HTTP, 400 to 599
  public RequestException(int status, String message) {
    super(message);
    this.status = status;
  }

  public int status() {
    return status;
  }
}
