package org.netback.daemon.config;

/// The configuration file is wrong; the message begins with `file:line:column` and says what is
/// allowed there.
public final class ConfigurationException extends Exception {
  public ConfigurationException(String message) {
    super(message);
  }
}
