package org.netback.xen.bus;

/// A device cannot be served; the message goes to the device's error node, so it says what is wrong
/// and where.
public final class DeviceException extends Exception {
  public DeviceException(String message) {
    super(message);
  }

  public DeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
