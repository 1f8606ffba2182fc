package org.netback.daemon.config;

import java.nio.file.Path;

/// What lies where in a ground's run directory.
///
/// @param path of the directory
public record RunDirectory(Path path) {
  public static final String DEFAULT = "/run/netback";
  public static final String DEFAULT_CONTROL = DEFAULT + "/control.sock";
  public static final String DEFAULT_GROUND = DEFAULT + "/ground.sock";

  /// Guests and daemons attach to the ground here.
  public Path ground() {
    return path.resolve("ground.sock");
  }

  /// xenstored listens here.
  public Path xenstored() {
    return path.resolve("xenstored.sock");
  }
}
