package org.netback.daemon.config;

import java.nio.file.Path;
import java.util.List;
import org.netback.client.Option;

/// What lies where in a ground's run directory.
///
/// @param path of the directory
public record RunDirectory(Path path) {
  public static final String DEFAULT = Option.RUN_DIRECTORY;
  public static final String DEFAULT_CONTROL = DEFAULT + "/control.sock";

  private static final String CLAIM = "daemon.lock";
  private static final String HOST_CLAIM = "dom0.lock";
  private static final List<String> OWN =
      List.of("ground.sock", "xenstored.sock", "lock", CLAIM, HOST_CLAIM);

  /// Guests and daemons attach to the ground here.
  public Path ground() {
    return path.resolve("ground.sock");
  }

  /// xenstored listens here.
  public Path xenstored() {
    return path.resolve("xenstored.sock");
  }

  /// The control API listens here where the configuration says nothing else.
  public Path control() {
    return path.resolve("control.sock");
  }

  /// Locked by the daemon that serves this ground's vifs.
  public Path claim() {
    return path.resolve(CLAIM);
  }

  /// Locked by the daemon that serves the Xen host's vifs.
  public Path hostClaim() {
    return path.resolve(HOST_CLAIM);
  }

  /// Whether a path is the directory's, or of a file that the ground makes in it.
  public boolean isOfTheGround(Path file) {
    return file.equals(path)
        || file.startsWith(path.resolve("domains"))
        || OWN.stream().anyMatch(name -> file.equals(path.resolve(name)));
  }
}
